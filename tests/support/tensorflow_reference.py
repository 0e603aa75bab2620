"""What TensorFlow itself makes of the runtime's messages, gathered in one process that may import it.

    python -m tests.support.tensorflow_reference OUTPUT

writes the pickled fields of a ``Reference``. The tests compare; they never import TensorFlow.
"""

import pickle
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cortex_runtime.tf_serving import dtypes, tensors
from cortex_runtime.tf_serving.messages import TensorProto

Decoded = tuple[tuple[int, ...], list[bytes] | bytes]  # shape, and the strings or the bytes of the numbers


@dataclass
class Reference:
    """Attributes:
    descriptors: the FileDescriptorSet, generated anew.
    methods: the full names of the gRPC methods.
    encoded: serialized TensorProtos of ``sample(number)``, made by TensorFlow.
    decoded: what TensorFlow reads from the messages that ``tensors.to_tensor_proto`` makes of the samples.
    decoded_values: what TensorFlow reads from ``value_protos()``.
    """

    descriptors: bytes
    methods: list[str]
    encoded: dict[int, bytes]
    decoded: dict[int, Decoded]
    decoded_values: list[Decoded]


def sample(number: int) -> np.ndarray:
    """An array of a dtype, shape (2, 3), with its extremes."""
    if number == dtypes.STRING:
        return np.array([[b"", "é".encode(), b"\xff\x00"], [b"a", b"bc", b" "]], np.object_)
    dtype = dtypes.NUMPY[number]
    if dtypes.name(number) in ("uint2", "int2"):
        return np.array([[0, 1, 1], [1, 0, 1]]).astype(dtype)
    if dtype.kind in "iu":
        return np.array([[0, 1, 2], [3, np.iinfo(dtype).min, np.iinfo(dtype).max]], dtype)
    return np.array([[0, 1, 2], [3, 4, 6]]).astype(dtype)


def value_protos() -> list[TensorProto]:
    """Messages with their values in typed fields: all of them, fewer than the shape says, one, none."""
    protos = []
    for number, (field, values) in VALUES.items():
        width = 2 if dtypes.NUMPY.get(number, np.dtype("O")).kind == "c" else 1
        for count in (3, 2, 1, 0):
            if count == 0 and number == dtypes.STRING:
                continue  # TensorFlow makes these an array of str
            proto = TensorProto(dtype=number)
            proto.tensor_shape.dim.add(size=3)
            if isinstance(values, bytes):
                setattr(proto, field, values[:count])
            else:
                getattr(proto, field).extend(values[: count * width])
            protos.append(proto)
    return protos


VALUES: dict[int, tuple[str, list | bytes]] = {
    1: ("float_val", [1.5, -2.5, 3.0]),
    2: ("double_val", [1.5, -2.5, 3.0]),
    3: ("int_val", [1, -2, 3]),
    4: ("int_val", [1, 2, 255]),
    5: ("int_val", [1, -2, 3]),
    6: ("int_val", [1, -2, 3]),
    7: ("string_val", [b"a", b"\xff", b"c"]),
    8: ("scomplex_val", [1.0, 2.0, 3.0, -4.0, 5.0, 6.0]),
    9: ("int64_val", [1, -(2**62), 3]),
    10: ("bool_val", [True, False, True]),
    11: ("int_val", [1, -2, 3]),
    14: ("half_val", [0x3FC0, 0xC020, 0x4040]),
    17: ("int_val", [1, 2, 65535]),
    18: ("dcomplex_val", [1.0, 2.0, 3.0, -4.0, 5.0, 6.0]),
    19: ("half_val", [0x3E00, 0xC100, 0x4200]),
    22: ("uint32_val", [1, 2, 2**32 - 1]),
    23: ("uint64_val", [1, 2, 2**64 - 1]),
    24: ("float8_val", b"\x3c\x40\xbc"),
    25: ("float8_val", b"\x38\x40\xb8"),
    29: ("int_val", [1, -2, 3]),
    30: ("int_val", [1, 2, 15]),
}


def gather() -> Reference:
    import tensorflow as tf
    from tensorflow.core.framework import tensor_pb2
    from tensorflow_serving.apis import model_service_pb2, prediction_service_pb2

    from scripts import generate_descriptors

    def decode(proto: TensorProto) -> Decoded:
        array = tf.make_ndarray(tensor_pb2.TensorProto.FromString(proto.SerializeToString()))
        return array.shape, array.ravel().tolist() if array.dtype == object else array.tobytes()

    services = [
        *prediction_service_pb2.DESCRIPTOR.services_by_name.values(),
        *model_service_pb2.DESCRIPTOR.services_by_name.values(),
    ]
    samples = {number: sample(number) for number in dtypes.NUMPY}
    return Reference(
        descriptors=generate_descriptors.descriptors(),
        methods=[f"/{service.full_name}/{method.name}" for service in services for method in service.methods],
        encoded={
            number: tf.make_tensor_proto(
                array.astype(tf.dtypes.as_dtype(number).as_numpy_dtype), number
            ).SerializeToString()
            for number, array in samples.items()
        },
        decoded={number: decode(tensors.to_tensor_proto(array, number)) for number, array in samples.items()},
        decoded_values=[decode(proto) for proto in value_protos()],
    )


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(pickle.dumps(vars(gather())))
