import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortex_runtime import load
from cortex_runtime.load import InFlight, LoadReport, LogSink, Reporter, SecondMeans, bucket_of
from cortex_runtime.logs import Writer
from cortex_runtime.settings import Log


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@given(st.lists(st.tuples(st.integers(1, 40), st.sampled_from([1, -1])), max_size=30), st.integers(1, 40))
def test_the_mean_is_what_sampling_finds(steps, rest):
    """Every millisecond is sampled; changes fall on whole milliseconds."""
    clock = Clock()
    in_flight = InFlight(clock)
    samples = []
    for milliseconds, by in steps:
        samples += [in_flight.value] * milliseconds
        clock.now += milliseconds / 1000
        in_flight.change(by if in_flight.value + by >= 0 else +1)
    samples += [in_flight.value] * rest
    clock.now += rest / 1000
    mean, peak, seconds = in_flight.take()
    assert mean == pytest.approx(sum(samples) / len(samples))
    assert peak == max(samples)
    assert seconds == pytest.approx(len(samples) / 1000)


def test_each_report_covers_its_own_time():
    clock = Clock()
    in_flight = InFlight(clock)
    in_flight.change(+1)
    in_flight.change(+1)
    clock.now = 4.0
    assert in_flight.take() == (2.0, 2, 4.0)
    clock.now = 5.0
    in_flight.change(-2)
    clock.now = 8.0
    assert in_flight.take() == (0.5, 2, 4.0)  # 2 for a second, 0 for three
    clock.now = 9.0
    assert in_flight.take() == (0.0, 0, 1.0)


def test_a_report_of_no_time_at_all_has_the_number_of_now():
    in_flight = InFlight(Clock())
    in_flight.change(+1)
    assert in_flight.take() == (1.0, 1, 0.0)


@given(st.floats(0, 4e9))
def test_buckets_are_multiples_of_ten_seconds_of_wall_clock(timestamp):
    bucket = bucket_of(timestamp)
    assert bucket % 10 == 0
    assert bucket <= timestamp < bucket + 10


def report(bucket, **fields):
    empty = {"api": "a", "replica": "r", "seconds": 10.0, "in_flight": 0.0, "in_flight_peak": 0, "requests": {}}
    return LoadReport(bucket=bucket, **(empty | fields))


class Sink:
    def __init__(self, fail_at=()):
        self.buckets = []
        self._fail_at = fail_at

    def send(self, report):
        self.buckets.append(report.bucket)
        if len(self.buckets) in self._fail_at:
            raise OSError("the sink is gone")


def simulate(monkeypatch, seconds, *, start=1000.0, jumps=None, sink=None):
    """Run a reporter over simulated wall clock: each sleep takes exactly its time, and ``jumps`` move the clock."""
    clock = Clock()
    clock.now = start
    jumps = dict(jumps or {})
    slept = []
    sink = sink or Sink()

    class Over(Exception):
        pass

    async def sleep(duration):
        slept.append(duration)
        clock.now += duration
        for moment in [m for m in jumps if len(slept) >= m]:
            clock.now += jumps.pop(moment)
        if sum(slept) >= seconds:
            raise Over

    monkeypatch.setattr(load.time, "time", clock)
    monkeypatch.setattr(load.asyncio, "sleep", sleep)
    with pytest.raises(Over):
        asyncio.run(Reporter(sink, report)._run())
    return sink.buckets, slept


def test_reports_come_at_the_end_of_each_bucket(monkeypatch):
    buckets, slept = simulate(monkeypatch, 36, start=1003.5)
    assert buckets == [1000, 1010, 1020]
    assert max(slept) <= 1.0


def test_a_sink_that_fails_does_not_stop_the_reports(monkeypatch, caplog):
    buckets, _ = simulate(monkeypatch, 45, sink=Sink(fail_at=(1, 2)))
    assert buckets == [1000, 1010, 1020, 1030]
    assert sum("load report could not be sent" in r.message for r in caplog.records) == 2


def test_a_clock_that_is_set_back_gives_reports_of_the_time_it_shows(monkeypatch):
    buckets, _ = simulate(monkeypatch, 31, jumps={15: -500.0})
    assert buckets == [1000, 510, 520]


def test_a_clock_that_is_set_forward_ends_the_bucket(monkeypatch):
    buckets, _ = simulate(monkeypatch, 25, jumps={5: 3000.0})
    assert buckets == [1000, 4000, 4010]


def test_stop_sends_what_the_unfinished_bucket_has():
    sink = Sink()

    async def start_and_stop():
        reporter = Reporter(sink, report)
        reporter.start()
        await asyncio.sleep(0)
        await reporter.stop()
        await reporter.stop()

    before = bucket_of(time.time())
    asyncio.run(start_and_stop())
    assert sink.buckets in ([before], [before + 10], [before, before + 10])


@pytest.mark.parametrize(
    ("log_format", "fields", "written"),
    [
        ("json", {}, True),
        ("text", {}, False),
        ("text", {"requests": {"200": 1}}, True),
        ("text", {"in_flight": 0.5}, True),
    ],
)
def test_an_idle_replica_is_quiet_on_a_terminal(tmp_path, log_format, fields, written):
    with (tmp_path / "log").open("w+b") as file:
        LogSink(Writer(Log(format=log_format), {"api": "a"}, file.fileno())).send(report(0, **fields))
        file.seek(0)
        assert (b"load report" in file.read()) == written


def test_seconds_have_their_own_means_beside_those_of_buckets():
    clock = Clock()
    in_flight = InFlight(clock)
    seconds = SecondMeans(in_flight)
    in_flight.change(+1)
    clock.now = 0.5
    in_flight.change(+1)
    clock.now = 1.0
    seconds.second_over(100)
    assert in_flight.take() == (1.5, 2, 1.0)  # takes nothing away from the seconds
    clock.now = 2.0
    seconds.second_over(101)
    seconds.second_over(102)  # no time has passed
    assert seconds.take() == [(100, 1.5), (101, 2.0)]
    assert seconds.take() == []


def test_every_second_that_passes_is_told_of(monkeypatch):
    clock, told, slept = Clock(), [], []
    clock.now = 1003.25

    class Over(Exception):
        pass

    async def sleep(duration):
        slept.append(duration)
        clock.now += duration
        if len(slept) == 12:
            raise Over

    monkeypatch.setattr(load.time, "time", clock)
    monkeypatch.setattr(load.asyncio, "sleep", sleep)
    with pytest.raises(Over):
        asyncio.run(Reporter(Sink(), report, told.append)._run())
    assert told == list(range(1003, 1014))
    assert slept == [0.75] + [1.0] * 11
