"""Small TensorFlow models for the tests, one export each. Only the process that builds them imports TensorFlow."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cortex_cdk.local.model_server.tensorflow_import import import_tensorflow

# Every dtype that TensorFlow can feed and fetch; each is a signature of the model "echo".
PLAIN = ("float32", "float64", "float16", "bool", "string", "complex64", "complex128")
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
QUANTIZED = ("qint8", "quint8", "qint16", "quint16", "qint32")
FLOAT8 = ("float8_e5m2", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e4m3b11fnuz", "float8_e5m2fnuz")
TINY = ("int4", "uint4", "int2", "uint2", "float4_e2m1fn")
DTYPES = (*PLAIN, "bfloat16", *INTEGERS, *QUANTIZED, *FLOAT8, *TINY)

# Written beside the exports: what ``tf.saved_model.load`` says of the model "optimizer".
REFUSAL = "optimizer-refusal.json"

VOCABULARY = "vocabulary.txt"


def build(folder: Path) -> dict[str, Path]:
    """Write every sample model below ``folder``; returns what to serve, by model name."""
    tf = import_tensorflow()
    folder.mkdir(parents=True, exist_ok=True)
    for builder in (_echo, _shapes, _strings, _two_signatures, _slow, _examples, _vocabulary_v1, _untagged):
        name, signatures, extra = builder(tf, folder)
        _export(tf, folder / name, signatures, **extra)
    _versions(tf, folder / "versions")
    _vocabulary_v2(tf, folder / "vocabulary-v2", folder)
    _optimizer(tf, folder / "optimizer", folder / REFUSAL)
    shutil.make_archive(str(folder / "zipped"), "zip", folder, "versions")  # with the top folder "versions"
    _corrupt(folder / "shapes", folder / "corrupt")
    (folder / VOCABULARY).unlink()  # what an export needs must be inside it
    return {path.stem: path for path in sorted(folder.iterdir()) if path.name != REFUSAL}


def _export(tf: Any, path: Path, signatures: Mapping[str, Any], tag: str = "serve", **extra: Any) -> None:
    """Write a TensorFlow 1 export. ``signatures``: name -> (inputs, outputs[, method]) of tensors by alias."""
    v1 = tf.compat.v1
    first = next(iter(next(iter(signatures.values()))[0].values()))
    with v1.Session(graph=first.graph) as session:
        session.run(v1.global_variables_initializer())
        builder = v1.saved_model.Builder(str(path))
        definitions = {}
        for name, (inputs, outputs, *method) in signatures.items():
            definitions[name] = v1.saved_model.signature_def_utils.build_signature_def(
                inputs={alias: v1.saved_model.build_tensor_info(t) for alias, t in inputs.items()},
                outputs={alias: v1.saved_model.build_tensor_info(t) for alias, t in outputs.items()},
                method_name=method[0] if method else "tensorflow/serving/predict",
            )
        builder.add_meta_graph_and_variables(session, [tag], definitions, **extra)
        builder.save()


Built = tuple[str, dict[str, Any], dict[str, Any]]


def _echo(tf: Any, folder: Path) -> Built:
    """Signatures ``echo_DTYPE``: ``x`` of any shape comes back as ``y``."""
    signatures = {}
    with tf.Graph().as_default():
        for name in DTYPES:
            dtype = getattr(tf.dtypes, name, None) or getattr(tf.dtypes.experimental, name, None)
            dtype = dtype or tf.dtypes.as_dtype(name)
            x = tf.compat.v1.placeholder(dtype, None, name=f"x_{name}")
            signatures[f"echo_{name}"] = ({"x": x}, {"y": tf.identity(x)})
    return "echo", signatures, {}


def _shapes(tf: Any, folder: Path) -> Built:
    """What graphs do with shapes, one signature each; ``serving_default`` multiplies (n, 2) by ones to (n, 3)."""
    v1 = tf.compat.v1
    with tf.Graph().as_default():
        matrix = v1.placeholder(tf.float32, [None, 2], name="matrix")
        weights = v1.get_variable("weights", initializer=tf.ones([2, 3]), use_resource=True)
        vector = v1.placeholder(tf.float32, [None], name="vector")
        column = v1.placeholder(tf.float32, [None, 1], name="column")
        scalar = v1.placeholder(tf.float32, [], name="scalar")
        left, right = v1.placeholder(tf.float32, [None], name="left"), v1.placeholder(tf.float32, [None], name="right")
        return (
            "shapes",
            {
                "serving_default": (
                    {"x": matrix},
                    {"y": tf.matmul(matrix, weights), "batch": tf.shape(matrix)[0], "sum": tf.reduce_sum(matrix)},
                ),
                "vector": ({"x": vector}, {"twice": vector * 2}),
                "column": ({"x": column}, {"twice": column * 2}),
                "scalar": ({"x": scalar}, {"twice": scalar * 2}),
                "add": ({"left": left, "right": right}, {"sum": left + right}),
                "positive": (
                    {"x": vector},
                    {"y": tf.boolean_mask(vector, vector > 0)},  # empty when none is
                ),
            },
            {},
        )


def _strings(tf: Any, folder: Path) -> Built:
    """``serving_default``: text in lower case, its bytes back from base64, and the words of all texts."""
    v1 = tf.compat.v1
    with tf.Graph().as_default():
        text = v1.placeholder(tf.string, [None], name="text")
        encoded = v1.placeholder(tf.string, [None], name="encoded")
        joined = v1.placeholder(tf.string, None, name="any")
        return (
            "strings",
            {
                "serving_default": (
                    {"text": text},
                    {
                        "lower": tf.strings.lower(text, encoding="utf-8"),
                        "length": tf.strings.length(text),
                        "words": v1.string_split(text).values,
                        "all": tf.strings.reduce_join(text, separator=" "),
                    },
                ),
                "decode": ({"base64": encoded}, {"bytes": tf.io.decode_base64(encoded)}),
                "any": ({"text": joined}, {"lower": tf.strings.lower(joined)}),
            },
            {},
        )


def _two_signatures(tf: Any, folder: Path) -> Built:
    """The signatures ``first`` and ``second``, neither a name that could be taken without asking."""
    with tf.Graph().as_default():
        x = tf.compat.v1.placeholder(tf.float32, [None], name="x")
        return "two-signatures", {"first": ({"x": x}, {"y": x + 1}), "second": ({"x": x}, {"y": x + 2})}, {}


def _untagged(tf: Any, folder: Path) -> Built:
    """Exported for training, not for serving."""
    with tf.Graph().as_default():
        x = tf.compat.v1.placeholder(tf.float32, [None], name="x")
        return "untagged", {"serving_default": ({"x": x}, {"y": x + 1})}, {"tag": "train"}


def _slow(tf: Any, folder: Path) -> Built:
    """Takes ``seconds`` (a vector; its largest counts) and gives them back after that time."""
    with tf.Graph().as_default():
        seconds = tf.compat.v1.placeholder(tf.float32, [None], name="seconds")
        dataset = tf.raw_ops.SleepDataset(
            input_dataset=tf.data.Dataset.from_tensors(seconds)._variant_tensor,
            sleep_microseconds=tf.cast(tf.reduce_max(seconds) * 1e6, tf.int64),
            output_types=[tf.float32],
            output_shapes=[[None]],
        )
        slept = tf.raw_ops.DatasetToSingleElement(dataset=dataset, output_types=[tf.float32], output_shapes=[[None]])
        return "slow", {"serving_default": ({"seconds": seconds}, {"slept": slept[0]})}, {}


def _examples(tf: Any, folder: Path) -> Built:
    """Signatures that take ``tf.Example``s: the sum of their features ``a`` and ``b`` (default 0) in several forms."""
    v1 = tf.compat.v1
    with tf.Graph().as_default():
        serialized = v1.placeholder(tf.string, [None], name="serialized")
        feature = tf.io.FixedLenFeature([], tf.float32, 0.0)
        parsed = tf.io.parse_example(serialized, {"a": feature, "b": feature})
        total = parsed["a"] + parsed["b"]
        scores = tf.stack([total, -total], axis=1)
        labels = tf.tile(tf.constant([["positive", "negative"]]), [tf.shape(total)[0], 1])
        inputs = {"inputs": serialized}
        two_inputs = {"inputs": serialized, "more": v1.placeholder(tf.float32, [], name="more")}
        classify, regress = "tensorflow/serving/classify", "tensorflow/serving/regress"
        signatures = {
            "serving_default": (inputs, {"classes": labels, "scores": scores}, classify),
            "labels": (inputs, {"classes": labels}, classify),
            "scores": (inputs, {"scores": scores}, classify),
            "regress": (inputs, {"outputs": total}, regress),
            "regress_column": (inputs, {"outputs": total[:, tf.newaxis]}, regress),
            "regress_matrix": (inputs, {"outputs": scores}, regress),
            "regress_double": (inputs, {"outputs": tf.cast(total, tf.float64)}, regress),
            "regress_one": (inputs, {"outputs": total[:1]}, regress),
            "classify_vector": (inputs, {"scores": total}, classify),
            "classify_double": (inputs, {"scores": tf.cast(scores, tf.float64)}, classify),
            "classify_numbers": (inputs, {"classes": scores}, classify),
            "classify_one": (inputs, {"scores": scores[:1]}, classify),
            "classify_uneven": (inputs, {"classes": labels, "scores": scores[:, :1]}, classify),
            "neither": (inputs, {"other": total}, classify),
            "three_outputs": (inputs, {"classes": labels, "scores": scores, "more": total}, classify),
            "two_inputs": (two_inputs, {"scores": scores}, classify),
            "other_input": ({"examples": serialized}, {"outputs": total}, regress),
        }
    return "examples", signatures, {}


def _vocabulary_v1(tf: Any, folder: Path) -> Built:
    """Looks words up in a table that a ``main_op`` fills from an asset file."""
    v1 = tf.compat.v1
    with tf.Graph().as_default():
        words = v1.placeholder(tf.string, [None], name="words")
        table = tf.lookup.StaticVocabularyTable(
            tf.lookup.TextFileInitializer(
                tf.constant(str(_vocabulary_file(folder))),
                tf.string,
                tf.lookup.TextFileIndex.WHOLE_LINE,
                tf.int64,
                tf.lookup.TextFileIndex.LINE_NUMBER,
            ),
            num_oov_buckets=1,
        )
        signatures = {"serving_default": ({"words": words}, {"ids": table.lookup(words)})}
        assets = v1.get_collection(v1.GraphKeys.ASSET_FILEPATHS)
        return "vocabulary-v1", signatures, {"assets_collection": assets, "main_op": v1.tables_initializer()}


def _vocabulary_v2(tf: Any, path: Path, folder: Path) -> None:
    """The same in TensorFlow 2's format, where the init op stands in the signature ``__saved_model_init_op``."""
    module = tf.Module()
    module.file = tf.saved_model.Asset(str(_vocabulary_file(folder)))
    module.table = tf.lookup.StaticVocabularyTable(
        tf.lookup.TextFileInitializer(
            module.file,
            tf.string,
            tf.lookup.TextFileIndex.WHOLE_LINE,
            tf.int64,
            tf.lookup.TextFileIndex.LINE_NUMBER,
        ),
        num_oov_buckets=1,
    )
    spec = tf.TensorSpec([None], tf.string, name="words")
    signature = tf.function(lambda words: {"ids": module.table.lookup(words)}, input_signature=[spec], autograph=False)
    tf.saved_model.save(module, str(path), signatures={"serving_default": signature})


def _vocabulary_file(folder: Path) -> Path:
    file = folder / VOCABULARY
    file.write_text("zero\none\nzwei\ntrois\n")
    return file


def _optimizer(tf: Any, path: Path, refusal: Path) -> None:
    """Saved with an optimizer that has slots: ``tf.saved_model.load`` cannot read it back."""
    module = tf.Module()
    module.weights = tf.Variable([[2.0], [3.0]])
    module.optimizer = tf.compat.v1.train.AdamOptimizer()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(module.weights)
    gradient = tape.gradient(loss, module.weights)
    module.optimizer.apply_gradients([(gradient, module.weights)])
    module.weights.assign([[2.0], [3.0]])
    spec = tf.TensorSpec([None, 2], tf.float32, name="x")
    signature = tf.function(lambda x: {"y": x @ module.weights}, input_signature=[spec], autograph=False)
    tf.saved_model.save(module, str(path), signatures={"serving_default": signature})
    try:
        tf.saved_model.load(str(path))
        problem = None
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
    refusal.write_text(json.dumps(problem))


def _versions(tf: Any, path: Path) -> None:
    """Versions 1, 9 and 10, each of which answers with its number."""
    for version in (1, 9, 10):
        with tf.Graph().as_default():
            x = tf.compat.v1.placeholder(tf.int64, [None], name="x")
            answer = x * 0 + version
            _export(tf, path / str(version), {"serving_default": ({"x": x}, {"version": answer})})
    (path / "notes").mkdir()


def _corrupt(source: Path, path: Path) -> None:
    """An export whose variables cannot be read."""
    shutil.copytree(source, path)
    (path / "variables" / "variables.index").write_bytes(b"this is no index")
