import json
import logging
import os
import re
import select
import subprocess
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortex_runtime import logs
from cortex_runtime.logs import Writer
from cortex_runtime.prints import PrintStream
from cortex_runtime.settings import Log

ANY_TEXT = st.text(st.characters(exclude_categories=()))


class Recorder:
    """A file that a writer writes to."""

    def __init__(self, path):
        self.path = path
        self._file = path.open("w+b")
        self.fd = self._file.fileno()

    def writer(self, **settings):
        return Writer(Log(**({"format": "json"} | settings)), {"api": "iris", "worker": 1}, self.fd)

    def text(self):
        return self.path.read_text()

    def records(self):
        return [json.loads(line) for line in self.path.read_bytes().split(b"\n") if line]

    def clear(self):
        os.ftruncate(self.fd, 0)
        os.lseek(self.fd, 0, os.SEEK_SET)


@pytest.fixture(scope="module")
def recorder(tmp_path_factory):
    return Recorder(tmp_path_factory.mktemp("logs") / "log")


@pytest.fixture(autouse=True)
def clear(recorder):
    recorder.clear()
    yield
    logs.set_request_id(None)


@pytest.fixture
def root_logger():
    """Restore what ``configure`` changes."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield root
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(False)
    logging.getLogger("cortex_runtime").setLevel(logging.NOTSET)


@given(message=ANY_TEXT, field=ANY_TEXT | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.none())
def test_any_record_is_one_line_of_json(recorder, message, field):
    recorder.clear()
    recorder.writer().write("info", message, status=200, field=field)
    content = recorder.text()
    assert content.endswith("\n")
    assert content.count("\n") == 1
    (record,) = recorder.records()
    assert record["api"] == "iris"
    assert record["worker"] == 1
    assert record["status"] == 200
    assert record["message"] == message.encode(errors="replace").decode()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record["time"])
    assert ("field" in record) == (field is not None)


@given(message=ANY_TEXT, trace=ANY_TEXT)
def test_any_record_can_be_written_as_text(recorder, message, trace):
    recorder.clear()
    recorder.writer(format="text").write("error", message, traceback=trace)
    assert recorder.path.read_bytes().decode().endswith("\n")


def test_text_is_for_people(recorder):
    recorder.writer(format="text").write("warning", "too warm", degrees=40, traceback="line 1\nline 2")
    first, *rest = recorder.text().splitlines()
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3}  iris worker 1  WARNING: too warm  degrees=40", first)
    assert rest == ["line 1", "line 2"]


def test_auto_is_json_unless_on_a_terminal(recorder):
    assert not recorder.writer(format="auto").text
    ours, theirs = os.openpty()
    try:
        writer = Writer(Log(), {"api": "iris"}, theirs)
        assert writer.text
        assert not Writer(Log(format="json"), {}, theirs).text
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_log_that_cannot_be_written_does_no_harm():
    read, write = os.pipe()
    os.close(read)
    Writer(Log(format="json"), {}, write).write("info", "nobody reads this")
    os.close(write)
    Writer(Log(format="json"), {}, write).write("info", "this cannot be written")


def test_lines_of_several_threads_do_not_mix():
    """Long lines, which a pipe takes in parts."""
    read, write = os.pipe()
    received = bytearray()

    def drain():
        while data := os.read(read, 10_000):
            received.extend(data)

    reader = threading.Thread(target=drain)
    reader.start()
    writer = Writer(Log(format="json"), {}, write)
    letters = "abcdefgh"
    writers = [
        threading.Thread(target=lambda c=c: [writer.write("info", c * 200_000) for _ in range(5)]) for c in letters
    ]
    for thread in writers:
        thread.start()
    for thread in writers:
        thread.join()
    os.close(write)
    reader.join()
    os.close(read)
    messages = [json.loads(line)["message"] for line in received.decode().splitlines()]
    assert sorted(messages) == sorted(c * 200_000 for c in letters for _ in range(5))


WRITES = """
import sys
from cortex_runtime.logs import Writer
from cortex_runtime.settings import Log

writer = Writer(Log(format="json"), {"worker": int(sys.argv[1])})
for number in range(600):
    writer.write("info", "a" * (20_000 if number % 3 == 0 else 60), number=number)
"""


def test_lines_of_several_processes_do_not_mix_in_a_pipe():
    """Which takes long lines in parts, whenever its reader has made room."""
    reader, writer = os.pipe()
    processes = [subprocess.Popen([sys.executable, "-c", WRITES, str(worker)], stdout=writer) for worker in range(3)]
    os.close(writer)
    with os.fdopen(reader, "rb", buffering=4096) as lines:
        records = [json.loads(line) for line in lines]
    assert [process.wait() for process in processes] == [0] * 3
    for worker in range(3):
        assert [record["number"] for record in records if record["worker"] == worker] == list(range(600))


def test_a_process_that_ends_while_it_writes_to_a_pipe_does_not_lock_it():
    reader, writer = os.pipe()
    holder = subprocess.Popen([sys.executable, "-c", HOLDS], stdout=writer)
    with os.fdopen(reader, "rb", buffering=0) as lines:
        assert lines.readline() == b"it is mine\n"
        waiting = subprocess.Popen([sys.executable, "-c", WRITES, "1"], stdout=writer)
        os.close(writer)
        assert select.select([lines], [], [], 1.0)[0] == []
        holder.kill()
        holder.wait()
        assert sum(chunk.count(b"\n") for chunk in iter(lambda: lines.read(1 << 20), b"")) == 600
    assert waiting.wait() == 0


HOLDS = """
import fcntl, os, time
fcntl.lockf(1, fcntl.LOCK_EX)
os.write(1, b"it is mine\\n")
time.sleep(600)
"""


def test_a_fork_while_another_thread_writes_can_log_in_the_child(tmp_path):
    program = f"""
import os, sys, threading
from cortex_runtime.logs import Writer
from cortex_runtime.settings import Log
writer = Writer(Log(format="json"), {{}}, os.open({str(tmp_path / "log")!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND))
going = True
def write():
    while going: writer.write("info", "x" * 100_000)
thread = threading.Thread(target=write)
thread.start()
for _ in range(30):
    if (pid := os.fork()) == 0:
        writer.write("info", "from the child")
        os._exit(0)
    os.waitpid(pid, 0)
going = False
thread.join()
"""
    assert subprocess.run([sys.executable, "-c", program], timeout=120).returncode == 0
    assert (tmp_path / "log").read_text().count("from the child") == 30


# The logging module


def configured(recorder, **settings):
    writer = logs.configure(Log(**({"format": "json"} | settings)), {"api": "iris"})
    writer.fd = recorder.fd


def test_logging_becomes_records(recorder, root_logger):
    configured(recorder)
    logging.getLogger("mine").warning("%d apples", 3)
    logging.getLogger("mine").info("a predictor's own")
    logging.getLogger("botocore.x").info("not shown: it talks too much")
    logging.getLogger("cortex_runtime.x").info("shown")
    logging.getLogger("cortex_runtime.x").debug("not shown")
    try:
        raise KeyError("k")
    except KeyError:
        logging.exception("it failed")
    apples, own, shown, failed = recorder.records()
    assert own["message"] == "a predictor's own"
    assert (apples["message"], apples["level"], apples["logger"]) == ("3 apples", "warning", "mine")
    assert shown["message"] == "shown"
    assert failed["level"] == "error"
    assert "KeyError: 'k'" in failed["traceback"]


@pytest.mark.parametrize(("level", "shown"), [("debug", "dwie"), ("info", "wie"), ("warning", "we"), ("error", "e")])
def test_levels(recorder, root_logger, level, shown):
    configured(recorder, level=level)
    log = logging.getLogger("cortex_runtime")
    for letter, write in (("d", log.debug), ("i", log.info), ("w", log.warning), ("e", log.error)):
        write(letter)
    assert sorted(r["message"] for r in recorder.records()) == sorted(shown)


def test_a_record_that_cannot_be_formatted_does_no_harm(recorder, root_logger, capsys):
    configured(recorder)
    logging.getLogger("mine").warning("%d", "no number")
    logging.getLogger("mine").warning("the next one")
    assert [r["message"] for r in recorder.records()] == ["the next one"]


def test_records_carry_the_id_of_the_request_of_their_thread(recorder, root_logger):
    configured(recorder)
    logs.set_request_id("one")
    logging.warning("mine")
    other = threading.Thread(target=logging.warning, args=("not mine",))
    other.start()
    other.join()
    mine, not_mine = recorder.records()
    assert mine["request_id"] == "one"
    assert "request_id" not in not_mine


# Prints


def lines(recorder):
    return [r["message"] for r in recorder.records()]


@pytest.fixture
def stream(recorder):
    return PrintStream(recorder.writer(), sys.__stdout__, "stdout")


def test_each_printed_line_is_a_record(recorder, stream):
    print("one", 2, file=stream)
    print("three\nfour", file=stream)
    print(file=stream)
    print("fi", end="", file=stream)
    print("ve", file=stream, flush=True)
    assert lines(recorder) == ["one 2", "three", "four", "five"]
    assert {r["stream"] for r in recorder.records()} == {"stdout"}


@given(st.lists(ANY_TEXT))
def test_no_text_is_lost(recorder, parts):
    recorder.clear()
    stream = PrintStream(recorder.writer(), sys.__stdout__, "stdout")
    for part in parts:
        assert stream.write(part) == len(part)
    stream.end_of_request()
    printed = [line.rstrip("\r").rsplit("\r", 1)[-1] for line in "".join(parts).split("\n")]
    assert lines(recorder) == [line.encode(errors="replace").decode() for line in printed if line]


def test_a_line_without_an_end_appears_at_the_end_of_the_request(recorder, stream):
    logs.set_request_id("one")
    print("unfinished", end="", file=stream)
    assert lines(recorder) == []
    stream.end_of_request()
    stream.end_of_request()
    (record,) = recorder.records()
    assert (record["message"], record["request_id"]) == ("unfinished", "one")


def test_lines_of_several_threads_are_put_together_separately(recorder, stream):
    def write(letter):
        for _ in range(200):
            stream.write(letter * 3)
            stream.write("\n")

    threads = [threading.Thread(target=write, args=(letter,)) for letter in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(lines(recorder)) == ["aaa"] * 200 + ["bbb"] * 200 + ["ccc"] * 200


def test_only_the_last_state_of_a_progress_bar_is_logged(recorder, stream):
    stream.write("10 %\r50 %\r100 %\r\n")
    assert lines(recorder) == ["100 %"]


def test_a_stream_of_text_takes_text_only(stream):
    with pytest.raises(TypeError):
        stream.write(b"bytes")
    assert stream.writable()
    assert not stream.isatty()
    assert stream.encoding == "utf-8"


@pytest.mark.parametrize(("level", "shown"), [("debug", 4), ("info", 4), ("warning", 3), ("error", 2)])
def test_levels_of_direct_records(recorder, level, shown):
    """The access log, say. What predictors print is always shown."""
    recorder.clear()
    writer = recorder.writer(level=level)
    for record_level in ("info", "warning", "critical"):
        writer.write(record_level, "x")
    writer.write("info", "printed", stream="stdout")
    assert len(recorder.records()) == shown
