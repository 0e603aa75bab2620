"""What predictors print and log, in the log of a real replica."""

import pytest


def messages(replica, **fields):
    return [record["message"] for record in replica.log_records(**fields)]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("print('no end', end='')", ["no end"]),
        ("print('ü €\\U0001f600 \\ud800 \\0')", ["ü €\U0001f600 ? \0"]),
        ("sys.stdout.write('a\\nb') and sys.stderr.write('c\\n')", ["a", "b", "c"]),
        ("print('x' * 1_000_000)", ["x" * 1_000_000]),
        ("[print(i) for i in range(1000)] and None", [str(i) for i in range(1000)]),
        ("print('a', flush=True, file=sys.stderr)", ["a"]),
        ("print({'a': 'quotes \" and \\\\'})", ["{'a': 'quotes \" and \\\\'}"]),
    ],
)
def test_prints_are_records_of_their_request(shared, expression, expected):
    answer = shared.evaluate(f"[{expression}, 1][1]")
    assert answer.json() == 1
    found = shared.log_records(request_id=answer.headers["x-request-id"])
    assert sorted(r["message"] for r in found if "stream" in r) == sorted(expected)


def test_prints_of_concurrent_requests_keep_apart(start_replica):
    replica = start_replica(concurrency={"workers": 2, "threads_per_worker": 4})
    expression = "[[print(payload['i'], 'y' * 5000) for _ in range(20)], hold('all'), print(payload['i'], end='')]"
    with replica.clients(8) as submit:
        futures = [submit(replica.post, {"eval": expression, "i": i}, x_request_id=f"id-{i}") for i in range(8)]
        replica.wait_arrived("all", 8)
        replica.release("all")
        assert {future.result().status for future in futures} == {200}
    for i in range(8):
        printed = [r["message"] for r in replica.log_records(request_id=f"id-{i}") if "stream" in r]
        assert printed == [f"{i} " + "y" * 5000] * 20 + [str(i)]


def test_prints_of_threads_and_children_appear(shared):
    shared.evaluate("in_threads(5, lambda i: print(f'thread {i}'))")
    assert {f"thread {i}" for i in range(5)} <= set(messages(shared, stream="stdout"))
    shared.evaluate("os.fork() or [print('from a child'), os._exit(0)]")
    shared.wait_log("from a child", stream="stdout")


def test_what_is_printed_while_building_appears(start_replica):
    source = """
import logging, sys, warnings
print("at import")
class TensorFlowPredictor:
    def __init__(self, tensorflow_client, config):
        print("at building", end="")
        print("to stderr", file=sys.stderr)
        logging.getLogger("mine").warning("logged")
        warnings.warn("deprecated")
    def predict(self, payload): ...
"""
    replica = start_replica(predictor=source)
    found = {r["message"]: r for r in replica.log_records(worker=0)}
    assert {"at import", "at building", "to stderr", "logged"} <= set(found)
    assert any("deprecated" in message for message in found)
    assert not any("request_id" in record for record in found.values())


def test_the_log_is_text_when_asked_for(start_replica):
    replica = start_replica(log={"format": "text"})
    replica.evaluate("[print('a printed line'), explode()]", x_request_id="id-1")
    output = replica.output()
    assert "a printed line" in output
    assert "Traceback (most recent call last)" in output
    assert "RuntimeError: the secret of the predictor" in output
    assert "id-1" in output
