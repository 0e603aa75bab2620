"""What the endpoint answers when something is wrong."""

import pytest


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"{", "not valid JSON"),
        (b"hello", "not valid JSON"),
        (b"NaN", "not valid JSON"),
        (b'{"a": Infinity}', "not valid JSON"),
        (b'"\xff"', "not UTF-8"),
        (b"a=1&b=2", "not valid JSON"),
    ],
)
def test_a_body_that_is_no_json_is_a_400_that_says_why(shared, body, words):
    answer = shared.post(body)
    assert answer.status == 400
    error = answer.json()
    assert words in error["error"]
    assert error["request_id"] == answer.headers["x-request-id"]


def test_a_body_above_the_limit_is_a_413(shared):
    limit = shared.settings["http"]["max_body_bytes"]
    assert shared.post(b'"' + b"a" * (limit - 2) + b'"').status == 200
    answer = shared.post(b'"' + b"a" * (limit - 1) + b'"')
    assert answer.status == 413
    assert str(limit) in answer.json()["error"]


def test_a_chunked_body_above_the_limit_is_a_413(shared):
    limit = shared.settings["http"]["max_body_bytes"]
    for size, status in ((limit, 200), (limit + 1, 413)):
        body = b'"' + b"a" * (size - 2) + b'"'
        answer = shared.request("POST", "/api", iter([body[:5000], body[5000:]]))
        assert answer.status == status
        answer.json()


def test_a_body_above_the_limit_is_refused_before_it_arrives(shared):
    with shared.wire() as wire:
        wire.send(b"POST /api HTTP/1.1\r\nhost: t\r\ncontent-length: 999999999999\r\n\r\n[")
        assert wire.answer().status == 413


def test_the_limit_is_100_mb_unless_set(start_replica):
    replica = start_replica()
    body = b'"' + b"a" * (100_000_000 - 2) + b'"'
    with replica.wire() as wire:
        wire.send(b"POST /api HTTP/1.1\r\nhost: t\r\ncontent-length: 100000001\r\n\r\n")
        assert wire.answer().status == 413
    assert replica.evaluate("1").json() == 1
    assert replica.post(body).body == body


def test_an_exception_is_a_500_without_internals_and_its_traceback_is_in_the_log(shared):
    answer = shared.evaluate("explode()", x_request_id="exploding-1")
    assert answer.status == 500
    assert answer.json()["request_id"] == "exploding-1"
    for internal in (b"secret", b"RuntimeError", b"Traceback", b".py", b"explode"):
        assert internal not in answer.body
    record = shared.wait_log("predict() failed", request_id="exploding-1")
    assert record["level"] == "error"
    assert "RuntimeError: the secret of the predictor" in record["message"]
    assert "in explode" in record["traceback"]
    assert "cortex_runtime" not in record["traceback"]


@pytest.mark.parametrize("expression", ["Unserialisable()", "{'a': [Unserialisable()]}", "1j", "lambda: 0"])
def test_a_prediction_without_a_json_form_is_a_500(shared, expression):
    answer = shared.evaluate(expression)
    assert answer.status == 500
    error = answer.json()
    assert "JSON" in error["error"]
    assert "Unserialisable" not in error["error"]
    record = shared.wait_log("cannot be written as JSON", request_id=error["request_id"])
    assert record["level"] == "error"


@pytest.mark.parametrize(
    "expression", ["sys.exit(3)", "exit()", "(_ for _ in ()).throw(KeyboardInterrupt)", "die('sys.exit()')"]
)
def test_what_would_end_a_process_is_a_500(shared, expression):
    workers = shared.worker_pids()
    assert shared.evaluate(expression).status == 500
    assert shared.evaluate("1").status == 200
    assert shared.worker_pids() == workers


@pytest.mark.parametrize(
    ("model_input", "input_name", "dtype", "shape"),
    [
        ("{'x': [['a', 'b']], 'name': ['n']}", "x", "float32", [-1, 2]),
        ("{'x': [[1, 2]]}", "name", "string", [-1]),
        ("{'x': [[1], [2, 3]], 'name': ['n']}", "x", "float32", [-1, 2]),
        ("{'x': None, 'name': ['n']}", "x", "float32", [-1, 2]),
    ],
)
def test_a_wrong_model_input_is_a_400_that_names_the_input(shared, model_input, input_name, dtype, shape):
    answer = shared.evaluate(f"self.client.predict({model_input})")
    assert answer.status == 400
    error = answer.json()
    assert (error["input"], error["dtype"], error["shape"]) == (input_name, dtype, shape)
    assert input_name in error["error"]
    assert dtype in error["error"]
    assert error["request_id"] == answer.headers["x-request-id"]


def test_a_surplus_model_input_is_a_400_that_names_it(shared):
    answer = shared.evaluate("self.client.predict({'x': [[1, 2]], 'name': ['n'], 'surplus': 1})")
    assert answer.status == 400
    assert "surplus" in answer.json()["error"]


def test_a_failing_model_server_is_a_500_that_says_so(shared):
    answer = shared.evaluate(
        "(_ for _ in ()).throw(__import__('cortex_runtime.errors').errors.ModelServerError('gone', 'UNAVAILABLE'))"
    )
    assert answer.status == 500
    assert "model server" in answer.json()["error"]
    assert "gone" not in answer.json()["error"]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods_are_a_405_with_allow(shared, method):
    answer = shared.request(method, "/api", b"1")
    assert answer.status == 405
    assert {"GET", "POST"} <= {name.strip() for name in answer.headers["allow"].split(",")}
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("path", ["/", "/api/", "/API", "/api/x", "/ap", "/readyz/", "/api%2F"])
def test_other_paths_are_a_404(shared, path):
    for method in ("GET", "POST"):
        answer = shared.request(method, path, b"1" if method == "POST" else None)
        assert answer.status == 404
        assert answer.json()["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("target", ["//api", "/api//", "//", "*", "http://elsewhere/ap"])
def test_odd_targets_are_refused(shared, target):
    with shared.wire() as wire:
        assert wire.request("POST", target, b"1").answer().status in (400, 404)


def test_deep_endpoints_are_exact(start_replica):
    replica = start_replica(api={"name": "deep", "endpoint": "/v1/my_api.x/predict-it"})
    assert replica.post([1]).json() == [1]
    assert replica.get().json()["endpoint"] == "/v1/my_api.x/predict-it"
    assert replica.get("/v1/my_apiax/predict-it").status == 404
    assert replica.get("/v1/my_api.x").status == 404


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_system_paths_only_know_get(shared, path):
    assert shared.get(path).status == 200
    answer = shared.request("POST", path, b"1")
    assert (answer.status, "GET" in answer.headers["allow"]) == (405, True)
