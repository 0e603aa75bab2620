"""Signatures read from ``saved_model.pb`` without TensorFlow: of a real export, and of messages made by hand."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf import text_format

from cortex_cdk.models.errors import ArchiveError, LayoutError, SavedModelError
from cortex_cdk.models.saved_model import inspect, read_signatures
from cortex_runtime.tf_serving import messages

IRIS = Path(__file__).parents[2] / "examples" / "iris-classifier" / "model"


def saved_model(*graphs: tuple[list[str], list[str]]) -> messages.SavedModel:
    """A message with a graph for each pair of tags and signature keys; each signature is float (-1,) to float."""
    message = messages.SavedModel()
    for tags, keys in graphs:
        graph = message.meta_graphs.add()
        graph.meta_info_def.tags.extend(tags)
        for key in keys:
            signature = graph.signature_def[key]
            signature.method_name = f"of {'+'.join(tags)}"
            signature.inputs["x"].dtype = messages.DataType.Value("DT_FLOAT")
            signature.inputs["x"].tensor_shape.dim.add(size=-1)
            signature.outputs["y"].dtype = messages.DataType.Value("DT_STRING")
            signature.outputs["y"].tensor_shape.unknown_rank = True
    return message


def write(folder: Path, message: messages.SavedModel) -> Path:
    (folder / "saved_model.pb").write_bytes(message.SerializeToString())
    return folder


def test_a_real_export() -> None:
    contents = inspect(IRIS)
    assert contents.version == 1
    predict = contents.signatures["predict"]
    assert set(predict.inputs) == {"sepal_length", "sepal_width", "petal_length", "petal_width"}
    assert {(info.dtype_name, info.shape) for info in predict.inputs.values()} == {("float32", (-1,))}
    assert predict.outputs["class_ids"].dtype_name == "int64"


def test_a_real_export_in_a_zip_stays_packed(tmp_path: Path) -> None:
    shutil.make_archive(str(tmp_path / "iris"), "zip", IRIS.parent, "model")
    assert inspect(tmp_path / "iris.zip") == inspect(IRIS)
    assert [path.name for path in tmp_path.iterdir()] == ["iris.zip"]


def test_a_folder_whose_name_ends_in_zip(tmp_path: Path) -> None:
    shutil.copytree(IRIS, tmp_path / "iris.zip")
    assert inspect(tmp_path / "iris.zip") == inspect(IRIS)


def test_the_signatures_of_the_highest_version(tmp_path: Path) -> None:
    for version in (9, 10):
        (tmp_path / str(version)).mkdir()
        write(tmp_path / str(version), saved_model((["serve"], [f"key{version}"])))
    contents = inspect(tmp_path)
    assert (contents.version, list(contents.signatures)) == (10, ["key10"])


def test_only_the_graph_with_the_tag_serve_alone_counts(tmp_path: Path) -> None:
    message = saved_model((["serve", "gpu"], ["a"]), (["train"], ["b"]), (["serve"], ["c"]))
    signatures = read_signatures(write(tmp_path, message))
    assert list(signatures) == ["c"]
    assert signatures["c"].method_name == "of serve"
    assert signatures["c"].outputs["y"].shape is None


def test_the_init_op_of_tensorflow_2_is_no_signature(tmp_path: Path) -> None:
    message = saved_model((["serve"], ["__saved_model_init_op", "serving_default"]))
    assert list(read_signatures(write(tmp_path, message))) == ["serving_default"]


def test_the_text_format(tmp_path: Path) -> None:
    message = saved_model((["serve"], ["predict"]))
    (tmp_path / "saved_model.pbtxt").write_text(text_format.MessageToString(message))
    assert list(read_signatures(tmp_path)) == ["predict"]
    (tmp_path / "saved_model.pbtxt").write_text("nonsense {")
    with pytest.raises(SavedModelError, match=r"saved_model.pbtxt: not a SavedModel"):
        read_signatures(tmp_path)
    (tmp_path / "saved_model.pbtxt").write_bytes(b"\xff")
    with pytest.raises(SavedModelError, match=r"saved_model.pbtxt: not a SavedModel"):
        read_signatures(tmp_path)


def test_no_graph_for_serving(tmp_path: Path) -> None:
    message = saved_model((["serve", "gpu"], ["a"]), ([], ["b"]))
    with pytest.raises(SavedModelError, match=r"no graph has the tag set \{serve\}, found \{gpu, serve\}, \{\}"):
        read_signatures(write(tmp_path, message))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xff\xff", r"saved_model.pb: not a SavedModel \(.+\); export or copy the model again"),
        (b"", "saved_model.pb: has no graphs; export or copy the model again"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a pointer of Git LFS, .*git lfs pull"),
    ],
)
def test_damaged_files(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "saved_model.pb").write_bytes(content)
    with pytest.raises(SavedModelError, match=words):
        read_signatures(tmp_path)


def test_a_real_export_that_is_cut_off(tmp_path: Path) -> None:
    content = (IRIS / "1" / "saved_model.pb").read_bytes()
    (tmp_path / "saved_model.pb").write_bytes(content[: len(content) // 2])
    with pytest.raises(SavedModelError, match="not a SavedModel"):
        read_signatures(tmp_path)


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SavedModelError, match=r"has no saved_model.pb or saved_model.pbtxt"):
        read_signatures(tmp_path)
    with pytest.raises(LayoutError, match="no such folder"):
        inspect(tmp_path / "gone")
    with pytest.raises(ArchiveError, match="no such file"):
        inspect(tmp_path / "gone.zip")


def test_tensorflow_is_not_imported() -> None:
    code = (
        "import sys; from pathlib import Path; from cortex_cdk.models.saved_model import inspect;"
        "inspect(Path(sys.argv[1])); assert not {'tensorflow', 'boto3', 'grpc'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code, str(IRIS)], check=True)
