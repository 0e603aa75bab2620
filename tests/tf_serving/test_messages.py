"""The messages are those of TensorFlow Serving, and need neither it nor TensorFlow."""

import subprocess
import sys
from pathlib import Path

from google.protobuf import descriptor_pool

import cortex_runtime.tf_serving
from cortex_runtime.tf_serving import messages

PACKAGE = Path(cortex_runtime.tf_serving.__file__).parent


def test_the_descriptors_are_those_of_the_installed_tensorflow(tensorflow_reference):
    assert (PACKAGE / "descriptors.binpb").read_bytes() == tensorflow_reference.descriptors, (
        "run scripts/generate_descriptors.py"
    )


def test_the_type_stub_describes_the_classes():
    from scripts import generate_descriptors

    assert (PACKAGE / "messages.pyi").read_text() == generate_descriptors.stub(), "run scripts/generate_descriptors.py"


def test_the_methods_are_those_of_tensorflow_serving(tensorflow_reference):
    ours = {value for name, value in vars(messages).items() if name.isupper()}
    assert len(ours) == 5
    assert ours <= set(tensorflow_reference.methods)


def test_no_tensorflow_is_imported_and_no_grpc():
    code = "import sys, cortex_runtime.tf_serving.client; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported = set(done.stdout.split())
    assert "cortex_runtime" in imported
    assert not imported & {"tensorflow", "tensorflow_serving", "cortex_cdk", "grpc"}


def test_the_pool_is_private():
    names = [name for name in vars(messages) if isinstance(getattr(messages, name), type) and name[0] != "_"]
    assert "PredictRequest" in names
    for name in names:
        assert getattr(messages, name).DESCRIPTOR.file.pool is not descriptor_pool.Default()


def test_an_any_holds_the_signatures():
    sent = messages.GetModelMetadataResponse()
    signatures = messages.SignatureDefMap()
    signatures.signature_def["predict"].inputs["x"].dtype = messages.DataType.Value("DT_HALF")
    sent.metadata["signature_def"].Pack(signatures)
    received = messages.GetModelMetadataResponse.FromString(sent.SerializeToString())
    packed = received.metadata["signature_def"]
    assert packed.type_url == "type.googleapis.com/tensorflow.serving.SignatureDefMap"
    unpacked = messages.SignatureDefMap()
    assert packed.Unpack(unpacked)
    assert unpacked == signatures
    assert not packed.Unpack(messages.TensorProto())


def test_wrapped_versions():
    spec = messages.ModelSpec(name="model")
    assert not spec.HasField("version")
    spec.version.value = 3
    assert messages.ModelSpec.FromString(spec.SerializeToString()).version.value == 3
