"""Tensors keep their values and shapes, in both directions, and are what TensorFlow reads and writes."""

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as np_st

from cortex_runtime.tf_serving import dtypes, messages, tensors
from tests.support.tensorflow_reference import sample, value_protos

NUMBERS = [number for number in dtypes.NUMPY if number != dtypes.STRING]
SHAPES = np_st.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)


def through_the_wire(array, number):
    proto = tensors.to_tensor_proto(array, number)
    return tensors.to_numpy(messages.TensorProto.FromString(proto.SerializeToString()))


@given(st.data(), st.sampled_from(NUMBERS), SHAPES)
def test_every_dtype_and_shape_comes_back_bit_by_bit(data, number, shape):
    dtype = dtypes.NUMPY[number]
    count = int(np.prod(shape)) * dtype.itemsize
    content = data.draw(st.binary(min_size=count, max_size=count))
    if dtype == np.bool_:
        content = bytes(byte & 1 for byte in content)
    array = np.frombuffer(content, dtype).reshape(shape)
    back = through_the_wire(array, number)
    assert back.dtype == dtype
    assert back.shape == shape
    assert back.tobytes() == array.tobytes()


@given(np_st.arrays(object, SHAPES, elements=st.one_of(st.binary(), st.text()), fill=st.nothing()))
def test_strings_come_back_as_bytes(array):
    back = through_the_wire(array, dtypes.STRING)
    assert back.shape == array.shape
    assert back.ravel().tolist() == [v.encode() if isinstance(v, str) else v for v in array.ravel().tolist()]


@pytest.mark.parametrize("array", [np.array(["é", "b"]), np.array([b"\xc3\xa9", b"b"]), np.array(["é", b"b"], object)])
def test_strings_of_any_numpy_dtype(array):
    assert through_the_wire(array, dtypes.STRING).tolist() == ["é".encode(), b"b"]


@pytest.mark.parametrize("number", [1, 3, 9, 14, 18, 19])
def test_order_in_memory_does_not_matter(number):
    array = np.arange(24).reshape(2, 3, 4).astype(dtypes.NUMPY[number])
    variants = [array.transpose(2, 0, 1), array[::-1, :, ::2], np.asfortranarray(array)]
    if dtypes.NUMPY[number] not in dtypes.WIDER:
        variants.append(array.astype(array.dtype.newbyteorder(">")))
    for variant in variants:
        np.testing.assert_array_equal(through_the_wire(variant, number), variant)


def test_numbers_travel_as_content_and_are_not_copied_when_read():
    proto = tensors.to_tensor_proto(np.arange(6, dtype=np.float32).reshape(2, 3), 1)
    assert {field.name for field, _ in proto.ListFields()} == {"dtype", "tensor_shape", "tensor_content"}
    array = tensors.to_numpy(proto)
    assert not array.flags.owndata
    assert not array.flags.writeable


def test_a_scalar_has_a_shape_without_dimensions():
    proto = tensors.to_tensor_proto(np.float32(2), 1)
    assert proto.HasField("tensor_shape")
    assert tensors.to_numpy(proto).shape == ()


def test_an_array_of_another_dtype_is_not_sent():
    with pytest.raises(TypeError, match="float32 needs an array of float32, not of float64"):
        tensors.to_tensor_proto(np.zeros(2), 1)
    with pytest.raises(TypeError, match="string needs an array of bytes or str, not of float64"):
        tensors.to_tensor_proto(np.zeros(2), dtypes.STRING)
    with pytest.raises(TypeError, match="a tensor of resource cannot be sent"):
        tensors.to_tensor_proto(np.zeros(2), 20)


# What TensorFlow does


@pytest.mark.parametrize("number", list(dtypes.NUMPY), ids=dtypes.name)
def test_tensorflow_writes_what_we_read(tensorflow_reference, number):
    array = tensors.to_numpy(messages.TensorProto.FromString(tensorflow_reference.encoded[number]))
    expected = sample(number)
    assert array.dtype == expected.dtype
    assert array.shape == expected.shape
    assert array.ravel().tolist() == expected.ravel().tolist()


@pytest.mark.parametrize("number", list(dtypes.NUMPY), ids=dtypes.name)
def test_tensorflow_reads_what_we_write(tensorflow_reference, number):
    expected = sample(number)
    values = expected.ravel().tolist() if number == dtypes.STRING else expected.tobytes()
    assert tensorflow_reference.decoded[number] == (expected.shape, values)


def test_typed_fields_are_read_as_tensorflow_reads_them(tensorflow_reference):
    protos = value_protos()
    for proto, (shape, values) in zip(protos, tensorflow_reference.decoded_values, strict=True):
        array = tensors.to_numpy(proto)
        ours = array.tolist() if array.dtype == object else array.tobytes()
        assert (array.shape, ours) == (shape, values), proto


def test_the_last_value_stands_for_the_rest():
    proto = messages.TensorProto(dtype=3, int_val=[7, 8])
    proto.tensor_shape.dim.add(size=2)
    proto.tensor_shape.dim.add(size=2)
    assert tensors.to_numpy(proto).tolist() == [[7, 8], [8, 8]]
    proto.int_val.clear()
    assert tensors.to_numpy(proto).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("number", [14, 19], ids=dtypes.name)
def test_of_half_floats_the_lower_bits_count(number):
    """Their field has 32 bits with a sign."""
    proto = messages.TensorProto(dtype=number, half_val=[-1, 0x7FFF3C00 if number == 19 else 0x7FFF3F80, -(2**31)])
    proto.tensor_shape.dim.add(size=3)
    assert tensors.to_numpy(proto).astype(np.float32).tolist()[1:] == [1.0, 0.0]
    assert tensors.to_numpy(proto).view(np.uint16)[0] == 0xFFFF


def test_strings_as_content():
    long = b"x" * 300
    proto = messages.TensorProto(dtype=7, tensor_content=b"\x01\x00\xac\x02" + b"a" + long)
    proto.tensor_shape.dim.add(size=3)
    assert tensors.to_numpy(proto).tolist() == [b"a", b"", long]
    for content in (b"\x01\x00", b"\x01\x00\x02aa", b"\x80"):
        proto.tensor_content = content
        with pytest.raises(ValueError, match="a tensor of string has"):
            tensors.to_numpy(proto)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"dtype": 1, "tensor_content": b"12345"}, r"float32 with shape \(2,\) has 5 bytes of content instead of 8"),
        ({"dtype": 3, "int_val": [1, 2, 3]}, "int32 has 3 values instead of 2"),
        ({"dtype": 20}, "a tensor of resource cannot be read"),
        ({"dtype": 0}, "a tensor of dtype 0 cannot be read"),
        ({"dtype": 1, "tensor_shape": {"unknown_rank": True}}, "without its full shape"),
        ({"dtype": 1, "tensor_shape": {"dim": [{"size": -1}]}}, "without its full shape"),
    ],
)
def test_messages_that_are_no_tensors(fields, words):
    proto = messages.TensorProto(**({"tensor_shape": {"dim": [{"size": 2}]}} | fields))
    with pytest.raises(ValueError, match=words):
        tensors.to_numpy(proto)


def test_names():
    assert [dtypes.name(n) for n in (1, 7, 10, 14, 19, 101)] == [
        "float32", "string", "bool", "bfloat16", "float16", "float32",
    ]  # fmt: skip
    for number, dtype in dtypes.NUMPY.items():
        name = messages.DataType.Name(number).removeprefix("DT_").lower()
        aliases = {"float": "float32", "double": "float64", "half": "float16"}
        assert dtypes.name(number) == aliases.get(name, name)
        assert dtypes.WIDER.get(dtype, dtype).kind in "biufcO"
    assert dtypes.WIDER[np.dtype(ml_dtypes.bfloat16)] == np.float32
