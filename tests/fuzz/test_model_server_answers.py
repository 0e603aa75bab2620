"""Whatever the model server answers to a prediction, the caller gets JSON: the outputs, or that it failed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cortex_runtime.tf_serving import messages
from tests.fuzz.target import Target
from tests.support.scripted_model_server import ScriptedModelServer


def tensor(dtype: int, *sizes: int, **values: object) -> bytes:
    """An answer with one output."""
    answer = messages.PredictResponse()
    answer.outputs["y"].dtype = dtype  # type: ignore[assignment]
    for size in sizes:
        answer.outputs["y"].tensor_shape.dim.add(size=size)
    for name, value in values.items():
        if isinstance(value, bytes):
            setattr(answer.outputs["y"], name, value)
        else:
            getattr(answer.outputs["y"], name).extend(value)
    return answer.SerializeToString()


GOOD = tensor(1, 2, float_val=[1.0, 2.0])


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A good answer with bytes overwritten, removed and put in."""
    content = bytearray(GOOD)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(content)))
        content[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=4))
    return bytes(content)


@pytest.fixture(autouse=True)
def _as_before(target: Target, model: ScriptedModelServer) -> Iterator[None]:
    predict = model.predict
    yield
    model.predict = predict
    target.take_log()  # the failures that were wanted
    target.check_idle()


@given(damaged() | st.binary(max_size=60))
@example(b"")
@example(tensor(1, 2**40))
@example(tensor(7, 2**33, string_val=[b"a"]))
@example(tensor(7, 1, tensor_content=b"\xff" * 100_000))
@example(tensor(7, 1, string_val=[b"\xff\xfe"]))
@example(tensor(21, 1))
@example(tensor(1, *[1] * 70, float_val=[1.0]))
@example(tensor(2, 3, double_val=[float("nan"), float("inf"), -0.0]))
def test_any_answer_of_the_model_server(target: Target, model: ScriptedModelServer, content: bytes) -> None:
    model.predict = lambda request, context: content
    answer = target.replica.post({"x": [1.0]})
    assert answer.status in (200, 500)
    if answer.status == 500:  # the model server's fault, not the caller's
        told = answer.json()["error"]
        assert told in (
            "the model server failed; the traceback is in the log",
            "the prediction cannot be written as JSON; the reason is in the log",
        )
    else:
        assert isinstance(answer.json(), dict)
    model.predict = lambda request, context: GOOD
    assert target.replica.post({"x": [1.0]}).json() == {"y": [1.0, 2.0]}
