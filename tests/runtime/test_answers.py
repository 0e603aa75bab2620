"""What the endpoint answers to a POST that it can serve, and to GET."""

import json

import pytest


@pytest.mark.parametrize(
    "payload", [{"a": [1, 2.5, None, True]}, [1, "b"], [["a", 1], ["b", 2]], {}, [], 3, 2.5, "text", "", None, True]
)
def test_any_json_is_a_payload_and_a_prediction(shared, payload):
    answer = shared.post(payload)
    assert answer.status == 200
    assert answer.json() == payload


@pytest.mark.parametrize(
    ("expression", "body"),
    [
        ("'setosa'", b'"setosa"'),
        ("None", b"null"),
        ("np.array([[1, 2], [3, 4]])", b"[[1,2],[3,4]]"),
        ("np.float32(0.1)", b"0.1"),
        ("{'p': np.array([0.5, np.nan, -np.inf]), 'q': float('inf')}", b'{"p":[0.5,null,null],"q":null}'),
        ("[{3}, datetime.date(2020, 4, 1), decimal.Decimal('1.5')]", b'[[3],"2020-04-01",1.5]'),
        ("2**100", b"1267650600228229401496703205376"),
        ("'\\ud800'", b'"\\ud800"'),
        ("({'a': 1}, 2)", b'[{"a":1},2]'),
    ],
)
def test_predictions_come_as_json(shared, expression, body):
    answer = shared.evaluate(expression)
    assert answer.status == 200
    assert answer.body == body
    answer.json()


@pytest.mark.parametrize("expression", ["b'\\x00\\xff'", "bytearray(b'\\x00\\xff')", "memoryview(b'\\x00\\xff')"])
def test_bytes_come_as_they_are(shared, expression):
    answer = shared.evaluate(expression)
    assert (answer.status, answer.body) == (200, b"\x00\xff")
    assert answer.headers["content-type"] == "application/octet-stream"


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "image/png", "multipart/form-data", "none", ""]
)
def test_the_body_is_json_whatever_the_content_type(shared, content_type):
    payload = [["a", 1], ["b", 2]]
    answer = shared.request("POST", "/api", json.dumps(payload).encode(), {"content-type": content_type})
    assert (answer.status, answer.json()) == (200, payload)
    assert shared.evaluate("type(payload) is dict and type(payload['eval']) is str").json() is True


def test_a_body_without_a_content_type_is_json(shared):
    with shared.wire() as wire:
        assert wire.request("POST", "/api", b"[1]").answer().json() == [1]


def test_large_answers_are_complete(shared):
    assert shared.evaluate("list(range(500000))").json() == list(range(500000))
    assert shared.evaluate("bytes(10**7)").body == bytes(10**7)


def test_get_describes_how_to_call_it(shared):
    answer = shared.get()
    assert answer.status == 200
    summary = answer.json()
    assert "POST" in summary["message"]
    assert summary["inputs"] == {
        "x": {"dtype": "float32", "shape": [-1, 2]},
        "name": {"dtype": "string", "shape": [-1]},
    }
    assert summary["outputs"] == {"y": {"dtype": "float32", "shape": None}}


def test_the_model_is_asked_through_the_client(shared):
    answer = shared.evaluate("self.client.predict({'x': [[1, 2]], 'name': ['ü']})")
    assert answer.json() == {"x": [1.0, 2.0], "name": ["ü"]}


def test_get_says_when_the_signature_cannot_be_chosen(start_replica):
    replica = start_replica(ready=False, model_server={"signature_key": "absent"}).wait_listening()
    replica.wait_log("is AVAILABLE")
    summary = replica.get().json()
    assert summary["inputs"] is None
    assert "absent" in summary["error"]
    assert "predict" in summary["error"]
