"""Request ids, the access log, and ?debug=true."""

import re

import pytest


def test_a_given_id_is_taken(shared):
    answer = shared.post([1], X_Request_ID="given-1/a=b")
    assert answer.headers["x-request-id"] == "given-1/a=b"
    record = shared.wait_log("POST /api 200", request_id="given-1/a=b")
    assert record["status"] == 200
    assert record["latency_ms"] >= 0
    assert record["queue_ms"] >= 0


def test_an_id_is_made_where_none_is_given(shared):
    first, second = (shared.get().headers["x-request-id"] for _ in range(2))
    assert re.fullmatch("[0-9a-f]{32}", first)
    assert first != second
    shared.wait_log("GET /api 200", request_id=first)


@pytest.mark.parametrize("given", ["", "a b", "a" * 201, "ä", "tab\there"])
def test_an_id_that_cannot_be_logged_is_replaced(shared, given):
    with shared.wire() as wire:
        wire.send(b"POST /api HTTP/1.1\r\nhost: t\r\nx-request-id: %b\r\ncontent-length: 1\r\n\r\n1" % given.encode())
        answer = wire.answer()
    assert answer.status == 200
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])


def test_the_longest_id_is_taken(shared):
    assert shared.get(x_request_id="a" * 200).headers["x-request-id"] == "a" * 200


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/api", 200), ("GET", "/nowhere", 404), ("PUT", "/api", 405)]
)
def test_every_answer_has_its_id_and_its_line(shared, method, path, status):
    answer = shared.request(method, path)
    record = shared.wait_log(f"{method} {path} {status}", request_id=answer.headers["x-request-id"])
    assert record["status"] == status


def test_system_paths_are_not_logged(shared):
    ids = [shared.get(path).headers["x-request-id"] for path in ("/livez", "/readyz", "/metrics")]
    last = shared.get().headers["x-request-id"]
    shared.wait_log("GET /api", request_id=last)
    assert not [r for r in shared.log_records() if r.get("request_id") in ids]


def test_paths_cannot_forge_log_lines(shared):
    answer = shared.get("/nowhere%0a%1b[31mforged")
    record = shared.wait_log("/nowhere", request_id=answer.headers["x-request-id"])
    assert "\n" not in record["message"]
    assert "\x1b" not in record["message"]


@pytest.mark.parametrize("query", ["?debug=true", "?debug=1", "?debug=yes", "?a=b&debug=TRUE"])
def test_debug_logs_payload_and_prediction(shared, query):
    answer = shared.evaluate("'the prediction' + ''", query)
    found = [r["message"] for r in shared.log_records(request_id=answer.headers["x-request-id"])]
    assert any("payload" in m and "'the prediction' + ''" in m for m in found)
    assert any("debug: prediction" in m and '"the prediction"' in m for m in found)


@pytest.mark.parametrize("query", ["", "?debug=false", "?debug=False", "?debug=0", "?debug=", "?debug", "?other=true"])
def test_debug_is_off_otherwise(shared, query):
    answer = shared.evaluate("'a prediction'", query)
    shared.wait_log("POST /api", request_id=answer.headers["x-request-id"])
    assert not [r for r in shared.log_records(request_id=answer.headers["x-request-id"]) if "debug" in r["message"]]


@pytest.mark.parametrize("prediction", ["'ü' * 30000", "bytes(30000)", "b'\\xff' * 2500"])
def test_debug_is_bounded(shared, prediction):
    answer = shared.post({"eval": prediction, "padding": "ü" * 10000}, "?debug=true")
    assert answer.status == 200
    found = [r for r in shared.log_records(request_id=answer.headers["x-request-id"]) if "debug" in r["message"]]
    assert len(found) == 2
    for record in found:
        assert len(record["message"]) < 2200
        assert re.search(r"\.\.\. \(\d+ bytes in all\)$", record["message"])


def test_debug_of_a_failing_request_logs_its_payload(shared):
    answer = shared.evaluate("explode()", "?debug=true")
    found = shared.log_records(request_id=answer.headers["x-request-id"])
    assert any("debug: payload" in r["message"] for r in found)


def test_prints_and_logs_within_predict_carry_the_id(shared):
    expression = (
        "[print('printed'), print('to stderr', file=sys.stderr), logging.getLogger('mine').warning('logged'),"
        " logging.warning('at the root'), warnings.warn('deprecated')]"
    )
    answer = shared.evaluate(expression, x_request_id="printing")
    assert answer.status == 200
    records = {r["message"]: r for r in shared.log_records(request_id="printing")}
    assert records["printed"]["stream"] == "stdout"
    assert records["to stderr"]["stream"] == "stderr"
    assert records["logged"]["level"] == "warning"
    assert records["logged"]["logger"] == "mine"
    assert "at the root" in records
    assert any("deprecated" in message for message in records)
    assert all("worker" in r for m, r in records.items() if "POST" not in m)


def test_prints_outside_of_requests_carry_no_id(shared):
    shared.evaluate("in_threads(1, lambda i: print('from a thread'))", x_request_id="threading")
    assert "request_id" not in shared.wait_log("from a thread")
    assert shared.evaluate("1").status == 200
