"""``cortex-cdk top``: what fits on the screen, the keys, and the events of ``cortex-cdk serve``."""

from __future__ import annotations

import io
import json
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pexpect
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from cortex_cdk.cli import top_local
from cortex_cdk.cli.top_local import ApiEvents, LocalSource, events_of
from cortex_cdk.cli.top_rows import Health, Order, Row, ordered, sparkline
from cortex_cdk.cli.top_screen import State, View, screen
from cortex_cdk.local.console.subscribers import encoded
from cortex_cdk.operations.errors import OperationError
from tests.support.cli import PROGRAM, call

NAMES = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=42)
NUMBERS = st.one_of(st.none(), st.floats(0, 1e9))
ROWS = st.builds(
    Row,
    name=NAMES,
    status=st.sampled_from(["live", "error (out of memory)"]),
    health=st.sampled_from(Health),
    ready=st.integers(0, 1000),
    requested=st.integers(0, 1000),
    wanted=st.one_of(st.none(), st.integers(0, 1000)),
    in_flight=NUMBERS,
    history=st.lists(NUMBERS, max_size=600),
    rates=st.dictionaries(st.sampled_from(["2xx", "4xx", "5xx"]), st.floats(0, 1e6)),
    p50_ms=NUMBERS,
    p99_ms=NUMBERS,
    words=st.lists(st.text("abc  ", max_size=200), max_size=8),
)


def row(name: str, **values: object) -> Row:
    base = {"status": "live", "health": Health.GOOD, "ready": 1, "requested": 1}
    return Row(name=name, **(base | values))  # type: ignore[arg-type]


def drawn(state: State, view: View, width: int, height: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=False)
    console.print(screen(state, view, width, height, 0.0))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@given(
    st.lists(ROWS, max_size=40, unique_by=lambda row: row.name), st.integers(80, 250), st.integers(10, 60), st.data()
)
def test_the_screen_holds_all_that_it_shows(rows: list[Row], width: int, height: int, data: st.DataObject) -> None:
    chosen = data.draw(st.sampled_from(rows)).name if rows else None
    lines = drawn(State("home", "5 min", rows, known=True), View(chosen), width, height)
    assert len(lines) <= height
    assert all(len(line) <= width for line in lines)
    assert lines[-1] == "q quit   ↑↓ select   s sort"
    if chosen is not None:
        caption = next(place for place, line in enumerate(lines) if line.startswith("answers and latency"))
        assert any(line.startswith(chosen[:20]) for line in lines[4:caption]), "the chosen API is among the rows"


def test_what_is_shown_of_an_api() -> None:
    found = row(
        "iris",
        ready=2,
        requested=3,
        wanted=4,
        in_flight=2.5,
        history=[None] * 30 + [1.0] * 30,
        rates={"2xx": 12.25, "5xx": 0.5},
        p50_ms=12.0,
        p99_ms=1500.0,
        words=["Scale up from 3 to 4 replicas.", "  load:            4 requests in flight -> 4"],
    )
    lines = drawn(State("home in eu-west-1", "5 min", [found], known=True), View(), 200, 30)
    assert lines[0].startswith("home in eu-west-1   ")
    assert " ".join(lines[2].split()) == (
        "api status ready asked wanted in flight 2xx/s 4xx/s 5xx/s p50 p99 in flight, last 10 min"
    )
    assert " ".join(lines[4].split()) == "iris live 2 3 4 2.5 12.2 - 0.5 12 ms 1.5 s " + "█" * 30
    assert "Scale up from 3 to 4 replicas." in lines


def test_columns_go_when_there_is_no_room() -> None:
    state = State("home", "5 min", [row("iris", p99_ms=3.0)], known=True)
    heads = [drawn(state, View(), width, 20)[2] for width in (110, 82, 74, 60)]
    assert "last 10 min" in heads[0]
    assert "p50" in heads[1]
    assert "p50" not in heads[2]
    assert "p99" in heads[2]
    assert heads[3].split()[:3] == ["api", "status", "ready"]


def test_a_problem_does_not_hide_what_was_known() -> None:
    state = State("home", "5 min", [row("iris")], "CloudWatch has too many calls to answer", known=True)
    lines = drawn(state, View(), 100, 20)
    assert any(line.startswith("iris") for line in lines)
    assert lines[-1].startswith("CloudWatch has too many calls")
    assert "Reading ..." in drawn(State("home", "5 min"), View(), 100, 20)
    assert "There are no APIs." in drawn(State("home", "5 min", known=True), View(), 100, 20)


def test_keys_select_and_sort() -> None:
    rows = [row("a", in_flight=1.0), row("b", in_flight=3.0), row("c")]
    view = View()
    assert view.after("down", rows).selected == "b"
    assert view.after("down", rows).after("down", rows).after("j", rows).selected == "c"
    assert view.after("up", rows).selected == "a"
    assert view.after("x", rows) == view
    assert view.after("down", []) == view
    by_load = view.after("s", rows)
    assert by_load.order is Order.IN_FLIGHT
    assert [one.name for one in ordered(rows, by_load.order)] == ["b", "a", "c"]
    assert by_load.after("down", rows).selected == "a"


@given(st.lists(ROWS, max_size=10), st.sampled_from(Order))
def test_sorting_loses_nothing(rows: list[Row], order: Order) -> None:
    assert sorted(one.name for one in ordered(rows, order)) == sorted(one.name for one in rows)
    assert len({order, order.next, order.next.next, order.next.next.next}) == 4


@given(st.lists(st.one_of(st.none(), st.floats(0, 1e300)), max_size=700), st.integers(0, 120))
def test_sparklines_are_as_wide_as_asked_and_as_high_as_the_highest(values: list[float | None], width: int) -> None:
    line = sparkline(values, width)
    assert len(line) == width
    known = [value for value in values if value is not None]
    if width:
        assert (line.strip() == "") == (not known)
        if known and max(known) > 0:
            assert "█" in line


def test_sparklines() -> None:
    assert sparkline([0, 1, 2, None], 4) == "▁▅█ "
    assert sparkline([0, 0], 4) == "▁▁▁▁"
    assert sparkline([1, 5, None, 2], 2) == "█▄"
    assert sparkline([], 3) == "   "


SECOND = [100, 2.0, 1, 0.010, 0.020, {"200": 3.0, "503": 1.0}]
WHOLE = {
    "name": "iris",
    "state": "ready",
    "reasons": [],
    "seconds": [[99, 1.0, 0, None, None, {}], SECOND],
    "decision": {"desired": 2, "headline": "Scale up from 1 to 2 replicas.", "steps": [["load", "2 in flight -> 2"]]},
}


def test_a_row_of_events() -> None:
    found = ApiEvents(WHOLE).row()
    assert (found.name, found.status, found.health, found.ready, found.wanted) == ("iris", "ready", Health.GOOD, 1, 2)
    assert (found.in_flight, found.p50_ms, found.p99_ms) == (2.0, 10.0, 20.0)
    assert found.rates == {"2xx": 1.5, "5xx": 0.5}
    assert list(found.history[-2:]) == [1.0, 2.0]
    assert len(found.history) == 600
    assert list(found.words) == [
        "With replicas in the cloud the scaler would now say: Scale up from 1 to 2 replicas.",
        "  load:            2 in flight -> 2",
    ]


def test_news_replace_what_they_name() -> None:
    events = ApiEvents(WHOLE)
    events.take({"seconds": [[101, 5.0, 0, None, None, {}]], "state": "not ready", "reasons": ["0 of 1 workers"]})
    found = events.row()
    assert (found.status, found.ready, found.in_flight, found.words[0]) == (
        "not ready",
        0,
        5.0,
        "not ready: 0 of 1 workers",
    )


def test_events_are_read_as_the_console_writes_them() -> None:
    stream = io.BytesIO(b"retry: 1000\n\n" + encoded("whole", {"apis": [WHOLE]}) + encoded("second", {"now": 1}))
    assert list(events_of(stream)) == [("whole", {"apis": [WHOLE]}), ("second", {"now": 1})]


@pytest.fixture
def console() -> Iterator[str]:
    """A server that sends the events of one API, then ends the stream."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(encoded("whole", {"apis": [WHOLE]}))
            self.wfile.flush()
            ended.wait(30)

        def log_message(self, *args: object) -> None:
            pass

    ended = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    ended.set()
    server.shutdown()
    server.server_close()


def test_the_local_source_follows_the_events(console: str) -> None:
    source = LocalSource(console)
    assert [one.name for one in source.read()] == ["iris"]
    source.close()


def test_programs_get_json(console: str, tmp_path: Path) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    done = call("top", "--url", console, "--json", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    document = json.loads(done.out)
    assert before <= datetime.fromisoformat(document.pop("time")) <= datetime.now(UTC)
    history = document["apis"][0].pop("history")
    assert (history["seconds"], len(history["in_flight"]), history["in_flight"][-3:]) == (600, 600, [None, 1.0, 2.0])
    assert document == {
        "source": f"cortex-cdk serve at {console}",
        "window": "60 s",
        "apis": [
            {
                "name": "iris",
                "status": "ready",
                "replicas": {"ready": 1, "requested": 1, "wanted": 2},
                "in_flight": 2.0,
                "rates": {"2xx": 1.5, "5xx": 0.5},
                "latency_ms": {"p50": 10.0, "p99": 20.0},
                "words": [
                    "With replicas in the cloud the scaler would now say: Scale up from 1 to 2 replicas.",
                    "  load:            2 in flight -> 2",
                ],
            }
        ],
    }


def test_programs_get_no_json_of_what_cannot_be_read(tmp_path: Path) -> None:
    done = call("top", "--url", "http://127.0.0.1:9", "--json", cwd=tmp_path)
    assert (done.code, done.out) == (1, "")
    assert "nothing answers at http://127.0.0.1:9" in done.err


def test_a_server_that_says_nothing_is_not_one_without_apis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(top_local, "_TIMEOUT_S", 0.3)
    monkeypatch.setattr(LocalSource, "_run", lambda source: None)
    with pytest.raises(OperationError, match=r"http://127\.0\.0\.1:1 has not answered for 0\.3 s"):
        LocalSource("http://127.0.0.1:1").read()


def test_nothing_is_served_here() -> None:
    source = LocalSource("http://127.0.0.1:9")
    with pytest.raises(OperationError, match=r"nothing answers at http://127\.0\.0\.1:9; run `cortex-cdk serve`"):
        source.read()
    source.close()


def spawned(console: str, tmp_path: Path) -> pexpect.spawn:
    """The program on a terminal of 24 lines and 120 columns."""
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    return pexpect.spawn(
        PROGRAM,
        ["top", "--url", console],
        cwd=str(tmp_path),
        env=environment | {"TERM": "xterm-256color"},
        dimensions=(24, 120),
        timeout=60,
    )


def test_on_a_terminal(console: str, tmp_path: Path) -> None:
    """Shows, answers keys, and gives the terminal back."""
    terminal = spawned(console, tmp_path)
    terminal.expect("Scale up from 1 to 2 replicas")
    assert b"iris" in terminal.before
    terminal.send("s")
    terminal.expect("sorted by in flight")
    terminal.send("q")
    terminal.expect(pexpect.EOF)
    assert b"\x1b[?1049l" in terminal.before  # back from the second screen
    terminal.close()
    assert terminal.exitstatus == 0


def test_interrupted(console: str, tmp_path: Path) -> None:
    terminal = spawned(console, tmp_path)
    terminal.expect("Scale up")
    terminal.sendintr()
    terminal.expect(pexpect.EOF)
    assert b"Traceback" not in terminal.before
    terminal.close()
    assert terminal.exitstatus == 0
