"""/metrics, the tracker's counts in it, and the load reports."""

import datetime
import socket
import time

from prometheus_client.parser import text_string_to_metric_families

from tests.support.replica import wait_until


def test_requests_latency_and_queue_time(start_replica):
    replica = start_replica(concurrency={"max_in_flight": 1})
    replica.evaluate("1")
    replica.evaluate("1")
    replica.evaluate("explode()")
    replica.post(b"{")
    assert replica.metric("cortex_requests_total", code="200") == 2
    assert replica.metric("cortex_requests_total", code="500") == 1
    assert replica.metric("cortex_requests_total", code="400") == 1
    assert replica.metric("cortex_request_duration_seconds_count") == 4
    assert replica.metric("cortex_queue_duration_seconds_count") == 4
    with replica.clients(1) as submit:
        running = submit(replica.evaluate, "hold('x')")
        replica.wait_arrived("x")
        assert replica.metric("cortex_in_flight") == 1
        assert replica.metric("cortex_slots_busy") == 1
        assert replica.post(1).status == 503
        assert replica.metric("cortex_request_duration_seconds_count") == 5
        assert replica.metric("cortex_queue_duration_seconds_count") == 4  # a 503 was never in the queue
        replica.release("x")
        running.result()
    waited = replica.metric("cortex_request_duration_seconds_sum")
    assert 0 < replica.metric("cortex_queue_duration_seconds_sum") < waited


def test_the_page_is_prometheus_text(shared):
    answer = shared.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = {family.name: family for family in text_string_to_metric_families(answer.body.decode())}
    assert families["cortex_requests"].type == "counter"
    assert families["cortex_request_duration_seconds"].type == "histogram"
    assert families["cortex_queue_duration_seconds"].type == "histogram"
    for name in ("in_flight", "queued", "slots_busy", "slots", "ready"):
        assert families[f"cortex_{name}"].type == "gauge"
        assert families[f"cortex_{name}"].documentation


def test_classes_are_tracked_and_reported(start_replica):
    replica = start_replica(tracker={"model_type": "classification", "key": "label"})
    expressions = ["{'label': 'a'}", "{'label': np.int64(3)}", "{'label': 'a'}", "{'label': '\\ud800\"\\n'}"]
    wrong = ["{'label': True}", "{'label': 1.5}", "{'label': True}", "{'other': 'a'}", "['a']", "b'a'", "explode()"]
    answers = [replica.evaluate(expression) for expression in expressions + wrong]
    assert [answer.status for answer in answers] == [200] * 10 + [500]
    assert [answer.json() for answer in answers[:3]] == [{"label": "a"}, {"label": 3}, {"label": "a"}]
    assert answers[4].json() == {"label": True}
    assert replica.metric("cortex_tracker_class_total", **{"class": "a"}) == 2
    assert replica.metric("cortex_tracker_class_total", **{"class": "3"}) == 1
    assert replica.metric("cortex_tracker_class_total", **{"class": '?"\n'}) == 1
    warnings = [r["message"] for r in replica.log_records(level="warning")]
    assert len(warnings) == len(set(warnings)) == 5
    replica.signal()
    assert replica.wait_exit() == 0
    counted = [r["tracker"]["classes"] for r in replica.log_records() if r.get("tracker")]
    assert sum(report.get("a", 0) for report in counted) == 2


def test_regressions_are_tracked_and_reported(start_replica):
    replica = start_replica(tracker={"model_type": "regression"})
    assert replica.metric("cortex_tracker_value_count") == 0
    for expression in ("1.5", "np.float32(-2)", "3", "float('nan')", "'text'"):
        assert replica.evaluate(expression).status == 200
    assert replica.metric("cortex_tracker_value_count") == 3
    assert replica.metric("cortex_tracker_value_sum") == 2.5
    assert replica.metric("cortex_tracker_value_min") == -2
    assert replica.metric("cortex_tracker_value_max") == 3


def test_without_a_tracker_there_is_none(shared):
    shared.evaluate("'a'")
    assert b"tracker" not in shared.get("/metrics").body


def test_a_load_report_comes_every_ten_seconds_of_wall_clock(start_replica):
    replica = start_replica()
    with replica.clients(2) as submit:
        held = [submit(replica.evaluate, "hold('x')") for _ in range(2)]
        replica.wait_metric("cortex_in_flight", 2)
        since = time.time()

        def reports():
            return [r for r in replica.log_records() if r["message"] == "load report"]

        whole = wait_until(lambda: [r for r in reports() if r["bucket"] >= since], "a bucket of 2 in flight is over")[0]
        replica.release("x")
        assert [future.result().status for future in held] == [200, 200]
    found = reports()
    buckets = [report["bucket"] for report in found]
    assert buckets == list(range(buckets[0], buckets[0] + 10 * len(buckets), 10))
    assert buckets[0] % 10 == 0
    for report in found:
        assert datetime.datetime.fromisoformat(report["time"]).timestamp() >= report["bucket"] + 10
        assert (report["api"], report["replica"]) == ("api", socket.gethostname())
    assert 0 < found[0]["seconds"] < 10.5  # what the replica has seen of the bucket in which it was started
    assert 0 <= found[0]["in_flight"] < 2.0
    assert 9.5 < whole["seconds"] < 15
    assert (whole["in_flight"], whole["in_flight_peak"], whole["requests"]) == (2.0, 2, {})
