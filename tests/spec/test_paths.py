"""What the paths in cortex.yaml may name: predictor files, folders, models."""

from __future__ import annotations

from pathlib import Path

import pytest

from cortex_cdk.spec import S3Uri
from cortex_cdk.spec.files import normal


def check_key(workspace, key, written, **options):
    return workspace.problem(workspace.with_key(key, written), **options)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("absent.py", "no such file"),
        ("src", "is a folder"),
        (".", "is a folder"),
        ("src/absent.py", "no such file"),
        ("predictor.py/x", "no such file"),
        ("/etc/hostname", "not a path relative to the folder of cortex.yaml"),
        ("~/predictor.py", "not a path relative to the folder of cortex.yaml"),
        ("../predictor.py", "outside the folder of cortex.yaml"),
        ("src/../../predictor.py", "outside the folder of cortex.yaml"),
        ("..", "outside the folder of cortex.yaml"),
        ("link.py", "a link to something outside the folder of cortex.yaml"),
        ("linked/predictor.py", "a link to something outside the folder of cortex.yaml"),
        ("circle.py", ("cannot be read", "no such file")),  # Python 3.13 says the latter
        ("x" * 300 + ".py", "cannot be read: File name too long"),
    ],
)
def test_predictor_paths_that_are_refused(workspace, tmp_path_factory, written, words):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "predictor.py").write_text((workspace.folder / "predictor.py").read_text())
    (workspace.folder / "link.py").symlink_to(outside / "predictor.py")
    (workspace.folder / "linked").symlink_to(outside)
    (workspace.folder / "circle.py").symlink_to(workspace.folder / "circle.py")
    problem = check_key(workspace, "predictor.path", written)
    assert any(w in problem.message for w in ([words] if isinstance(words, str) else words))
    assert (problem.key, problem.value) == ("predictor.path", written)
    assert problem.allowed == "the path of a file below the folder of cortex.yaml"


def test_a_forgotten_suffix(workspace):
    assert check_key(workspace, "predictor.path", "predictor").hint == "did you mean predictor.py?"


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("./predictor.py", "predictor.py"),
        ("src/../predictor.py", "predictor.py"),
        ("deep/er//p.py", "deep/er/p.py"),
        ("inner.py", "inner.py"),
    ],
)
def test_predictor_paths_that_are_accepted(workspace, written, path):
    workspace.write("deep/er/p.py", (workspace.folder / "predictor.py").read_text())
    (workspace.folder / "inner.py").symlink_to("deep/er/p.py")
    assert workspace.api(workspace.with_key("predictor.path", written)).predictor.path == path


def test_a_project_folder_that_is_itself_a_link(workspace, tmp_path_factory):
    link = tmp_path_factory.mktemp("links") / "project"
    link.symlink_to(workspace.folder)
    workspace.folder = link
    assert workspace.api(workspace.with_key("predictor.python_path", "src")).predictor.python_path == "src"


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("absent", "no such folder"),
        ("predictor.py", "is a file"),
        ("/tmp", "not a path relative"),
        ("..", "outside the folder"),
        ("src/../..", "outside the folder"),
    ],
)
def test_python_paths_that_are_refused(workspace, written, words):
    problem = check_key(workspace, "predictor.python_path", written)
    assert words in problem.message
    assert problem.allowed == "the path of a folder below the folder of cortex.yaml"


@pytest.mark.parametrize(
    ("written", "path"), [("src", "src"), ("src/", "src"), (".", "."), ("./", "."), ("src/..", ".")]
)
def test_python_paths_that_are_accepted(workspace, written, path):
    assert workspace.api(workspace.with_key("predictor.python_path", written)).predictor.python_path == path


@pytest.mark.parametrize(
    ("path", "expected"),
    [(".", "."), ("a/./b", "a/b"), ("a//b/", "a/b"), ("a/../b", "b"), ("../a", "../a"), ("a/../../b", "../b")],
)
def test_normal(path, expected):
    assert normal(path) == expected


@pytest.mark.parametrize(
    ("written", "bucket", "key"),
    [
        ("s3://my-bucket/my-model", "my-bucket", "my-model"),
        ("s3://my-bucket/a/b/", "my-bucket", "a/b"),
        ("s3://my-bucket/model.zip", "my-bucket", "model.zip"),
        ("s3://Old_Bucket.x/with space/ä", "Old_Bucket.x", "with space/ä"),
        ("s3://abc/x", "abc", "x"),
        (f"s3://abc/{'x' * 1024}", "abc", "x" * 1024),
    ],
)
@pytest.mark.parametrize("allow_local_models", [True, False])
def test_models_in_s3(workspace, written, bucket, key, allow_local_models):
    text = workspace.with_key("predictor.model", written)
    predictor = workspace.api(text, allow_local_models=allow_local_models).predictor
    assert predictor.model == written
    assert predictor.model_location == S3Uri(bucket, key)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ('"s3://"', "names no bucket"),
        ("s3:///key", "names no bucket"),
        ("s3://my-bucket", "names a bucket, but no key in it"),
        ("s3://my-bucket/", "names a bucket, but no key in it"),
        ("s3://my-bucket//", "names a bucket, but no key in it"),
        ("s3://my-bucket//key", "has `//` after the bucket"),
        ("s3://ab/key", "`ab` cannot be the name of a bucket"),
        ("s3://my bucket/key", "cannot be the name of a bucket"),
        ("s3://-bucket/key", "cannot be the name of a bucket"),
        ("s3://bucket-/key", "cannot be the name of a bucket"),
        ("s3://my..bucket/key", "cannot be the name of a bucket"),
        ('"s3://my-bucket/a\\tb"', "control characters"),
        (f"s3://my-bucket/{'ä' * 513}", "more than 1024 bytes"),
        ("s3a://my-bucket/key", "models are not read from s3a:"),
        ("S3://my-bucket/key", "models are not read from S3:"),
        ("s3:/my-bucket/key", "models are not read from s3:"),
        ("https://my-bucket.s3.amazonaws.com/key", "models are not read from https:"),
        ("gs://my-bucket/key", "models are not read from gs:"),
        ("file:///models/x", "models are not read from file:"),
    ],
)
def test_models_that_are_refused(workspace, written, words):
    problem = check_key(workspace, "predictor.model", written)
    assert words in problem.message
    assert problem.key == "predictor.model"
    assert problem.allowed == "s3://bucket/key, or the path of a local model"


def test_local_models(workspace):
    relative = workspace.api(workspace.with_key("predictor.model", "models/iris")).predictor
    assert relative.model == "models/iris"
    assert relative.model_location == workspace.folder / "models/iris"
    absolute = workspace.api(workspace.with_key("predictor.model", "/models/iris")).predictor
    assert absolute.model_location == Path("/models/iris")


def test_local_models_where_they_do_not_work(workspace):
    problem = check_key(workspace, "predictor.model", "models/iris", allow_local_models=False)
    assert "only works when serving locally" in problem.message
    assert problem.allowed == "s3://bucket/key"


def test_an_unsupported_type_is_one_problem(workspace):
    workspace.write("python.py", "class PythonPredictor: pass\n")
    problem = workspace.problem("""\
        - name: my-api
          predictor: {type: python, path: python.py}
        """)
    assert problem.key == "predictor.type"
    assert problem.message == "`python` is not supported; only TensorFlow APIs are"
