"""Load reports in a table and metrics in the log: the setting ``reporting``."""

import asyncio
import json
import os
import subprocess
import sys
import threading
import time

import pytest

from cortex_runtime.aws_sink import QUEUE_SIZE, AwsSink, item_of
from cortex_runtime.job import ClientGone, Job, Outcome, Unavailable
from cortex_runtime.load import InFlight, LoadReport, SecondMeans
from cortex_runtime.logs import Writer
from cortex_runtime.pool import WorkerPool
from cortex_runtime.samples import Times
from cortex_runtime.settings import Api, Log, Predictor, Reporting, Settings
from tests.support import embedded_metrics
from tests.support.aws_server import aws_server
from tests.support.http_server import fake_api
from tests.support.replica import free_port, wait_until

BUCKET = 1_793_280_000


@pytest.fixture(scope="module")
def aws():
    with aws_server() as server:
        yield server


def report(bucket=BUCKET, **fields):
    empty = {"api": "iris", "replica": "r", "seconds": 10.0, "in_flight": 0.5, "in_flight_peak": 1, "requests": {}}
    return LoadReport(bucket=bucket, **(empty | fields))


class Sink:
    """A sink of its own, whose lines go to a file."""

    def __init__(self, folder, *, ready=True, table="table", times=None):
        self.ready = ready
        self._path = folder / "log"
        self._file = self._path.open("wb")
        self.sink = AwsSink(
            Reporting(table=table, cluster="c"),
            Writer(Log(format="json"), {}, self._file.fileno()),
            times=times or Times(),
            second_means=SecondMeans(InFlight()),
            can_serve=lambda: self.ready,
        )

    def documents(self):
        """What was written so far, checked line by line."""
        return [embedded_metrics.check(line) for line in self._path.read_text().splitlines()]


@pytest.fixture
def make_sink(tmp_path, monkeypatch):
    made = []

    def make(environment, **options):
        monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        made.append(Sink(tmp_path, **options))
        return made[-1]

    yield make
    for sink in made:
        sink.sink.close()
        sink._file.close()


def test_a_replica_reports_to_the_table_and_to_cloudwatch(start_replica, aws):
    table = aws.create_table()
    replica = start_replica(
        environment=aws.environment,
        reporting={"table": table, "cluster": "test"},
        tracker={"model_type": "classification"},
        concurrency={"max_in_flight": 2},
        replica_id="replica-7",
    )
    with replica.clients(2) as submit:
        held = [submit(replica.evaluate, "hold('x')") for _ in range(2)]
        replica.wait_metric("cortex_in_flight", 2)
        since = time.time()
        assert replica.post(1).status == 503

        def whole():
            return [i for i in aws.items(table) if int(i["sk"]["S"][:10]) >= since]

        item = wait_until(whole, "a bucket of 2 in flight is in the table")[0]
        replica.release("x")
        assert [future.result().json() for future in held] == ["x", "x"]
    replica.signal()
    assert replica.wait_exit() == 0
    bucket = int(item["sk"]["S"][:10])
    assert item["pk"] == {"S": "load#api"}
    assert item["sk"] == {"S": f"{bucket:010d}#replica-7"}
    assert float(item["in_flight"]["N"]) == 2.0
    assert float(item["queued"]["N"]) == 1.0  # of one slot
    assert 9.5 < float(item["seconds"]["N"]) < 15
    assert item["draining"] == {"BOOL": False}
    assert item["expires"] == {"N": str(bucket + 3600)}
    items = sorted(aws.items(table), key=lambda i: i["sk"]["S"])
    assert items[-1]["draining"] == {"BOOL": True}
    assert sum(int(i["arrived"]["N"]) for i in items) == 3
    assert sum(int(i["served"]["N"]) for i in items) == 2

    lines = [line for line in replica.output().splitlines() if '"_aws"' in line]
    documents = [embedded_metrics.check(line) for line in lines]
    in_bucket = [d for d in documents if bucket * 1000 <= d["_aws"]["Timestamp"] < (bucket + 10) * 1000]
    seconds = [d["InFlight"] for d in in_bucket if d["message"] == "in flight"]
    assert len(seconds) == 10
    assert seconds[1:] == pytest.approx([2.0] * 9, abs=1e-3)  # before the first one was the request that was refused
    (of_bucket,) = [d for d in in_bucket if d["message"] == "load report"]
    assert (of_bucket["InFlightPeak"], of_bucket["Queued"]) == (2, 1.0)
    assert sum(d.get("Requests2xx", 0) for d in documents) == 2
    assert sum(d.get("Requests5xx", 0) for d in documents) == 1
    assert sum(len(d.get("Latency", [])) for d in documents) == 3
    assert sum(len(d.get("QueueTime", [])) for d in documents) == 2
    assert [(d["Class"], d["Predictions"]) for d in documents if "Class" in d] == [("x", 2)]
    assert not any("ReportsDropped" in d for d in documents)


def test_before_the_replica_is_ready_the_table_hears_nothing(aws, make_sink):
    table = aws.create_table()
    sink = make_sink(aws.environment, table=table, ready=False)
    sink.sink.send(report())
    wait_until(lambda: len(sink.documents()) == 1, "the metrics are written")
    sink.ready = True
    sink.sink.send(report(BUCKET + 10))
    sink.ready = False  # it drains
    sink.sink.send(report(BUCKET + 20))
    sink.sink.close()
    assert sorted(i["sk"]["S"] for i in aws.items(table)) == [f"{BUCKET + 10}#r", f"{BUCKET + 20}#r"]


def test_a_report_over_no_time_is_not_for_the_table(aws, make_sink):
    table = aws.create_table()
    sink = make_sink(aws.environment, table=table)
    sink.sink.send(report(seconds=0.0))
    sink.sink.close()
    assert aws.items(table) == []


def test_what_cannot_be_written_is_dropped_counted_and_said_once(aws, make_sink, caplog):
    sink = make_sink(aws.environment, table="not-there")
    for number in range(3):
        sink.sink.send(report(BUCKET + 10 * number))
    sink.sink.close()
    assert [d["ReportsDropped"] for d in sink.documents()] == [1, 1, 1]
    assert len([r for r in caplog.records if "not-there" in r.message]) == 1


def test_it_says_when_reports_are_written_again(aws, make_sink, caplog):
    caplog.set_level("INFO")
    sink = make_sink(aws.environment, table="later")
    sink.sink.send(report())
    wait_until(lambda: sink.documents(), "the first was dropped")
    aws.client("dynamodb").create_table(
        TableName="later",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")],
        BillingMode="PAY_PER_REQUEST",
    )
    sink.sink.send(report(BUCKET + 10))
    sink.sink.close()
    assert len(aws.items("later")) == 1
    assert "load reports are written to later again" in [r.message for r in caplog.records]
    assert "ReportsDropped" not in sink.documents()[1]


def test_a_table_that_does_not_answer_holds_nobody_up(aws, make_sink):
    """The first report is under way for as long as the test wants; the queue fills, and the rest is dropped."""
    with fake_api() as api:
        api.hold = threading.Event()
        sink = make_sink(aws.environment | {"AWS_ENDPOINT_URL": api.url}, table="table")
        sink.sink.send(report())
        wait_until(lambda: api.asked, "the first report is under way")
        for number in range(QUEUE_SIZE + 3):
            sink.sink.send(report(BUCKET + 10 * number))  # would block here
        assert sink.sink._overflowed == 3
        api.hold.set()
        sink.sink.close()
    assert sink.documents()[0]["ReportsDropped"] >= 3


def test_without_credentials_or_region_it_goes_on(make_sink, aws, monkeypatch):
    gone = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")
    sink = make_sink({name: value for name, value in aws.environment.items() if name not in gone}, table="table")
    for name in gone:
        monkeypatch.delenv(name, raising=False)
    sink.sink.send(report())
    sink.sink.close()
    assert sink.documents()[0]["ReportsDropped"] == 1


def test_a_dead_endpoint_leaves_the_replica_alone(start_replica, aws):
    environment = aws.environment | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}"}
    replica = start_replica(environment=environment, reporting={"table": "t", "cluster": "c"})
    assert replica.evaluate("1 + 1").json() == 2
    replica.signal()
    assert replica.wait_exit() == 0
    assert "cannot be written" in replica.wait_log("load reports")["message"]


def test_nothing_of_aws_is_imported_before_there_is_something_to_report():
    code = "import cortex_runtime.server, cortex_runtime.aws_sink, sys; print('botocore' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout.strip() == "False"


def test_numbers_in_the_table_are_those_of_the_report():
    item = item_of(report(in_flight=1e-06, queued=0.0, arrived=3, served=2, draining=True))
    assert json.loads(json.dumps(item)) == {
        "pk": {"S": "load#iris"},
        "sk": {"S": "1793280000#r"},
        "in_flight": {"N": "1e-06"},
        "seconds": {"N": "10.0"},
        "queued": {"N": "0.0"},
        "arrived": {"N": "3"},
        "served": {"N": "2"},
        "draining": {"BOOL": True},
        "expires": {"N": "1793283600"},
    }


def test_what_waits_is_counted_in_and_out_of_the_queue():
    settings = Settings(api=Api(name="a", endpoint="/a"), predictor=Predictor(project_dir="/", path="p.py"))

    async def use_queue():
        pool = WorkerPool(settings)  # without workers: nothing ever runs
        outcomes: dict[str, Outcome] = {}
        jobs = [
            Job(str(number), b"", False, lambda job, outcome: outcomes.setdefault(job.request_id, outcome))
            for number in range(3)
        ]
        for job in jobs:
            pool.submit(job)
        counts = [pool.queued.value]
        for _ in range(2):
            pool.cancel(jobs[1])
            counts.append(pool.queued.value)
        await pool.stop()
        assert pool.queued.value == len(pool.queue) == 0
        assert {name: type(outcome) for name, outcome in outcomes.items()} == {
            "0": Unavailable,
            "1": ClientGone,
            "2": Unavailable,
        }
        return counts

    assert asyncio.run(use_queue()) == [3, 2, 2]
