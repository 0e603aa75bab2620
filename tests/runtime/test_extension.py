"""Code beside the runtime in the front process: the setting ``extension``."""

import json
import os

import pytest

from cortex_runtime.settings import SettingsError, parse
from tests.support.replica import wait_until

NOTES = '''
"""Answers with what was asked, and notes what it is told."""
import json
from pathlib import Path


class Notes:
    def __init__(self, replica, file):
        self.replica, self.file = replica, Path(file)

    def note(self, **what):
        with self.file.open("a") as out:
            out.write(json.dumps(what) + "\\n")

    def start(self):
        self.note(event="start", api=self.replica.settings.api.name)

    async def stop(self):
        self.note(event="stop", draining=self.replica.draining)

    def reported(self, report):
        self.note(event="report", requests=report.requests, draining=report.draining)

    async def __call__(self, scope, receive, send):
        body = f"{scope['method']} {scope['path']} {self.replica.in_flight.value}".encode()
        await send({"type": "http.response.start", "status": 299, "headers": [(b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})


def create(replica, file):
    return Notes(replica, file)
'''


@pytest.fixture
def start(start_replica, tmp_path):
    """Starts a replica with the extension: ``start("/_notes")``; its notes are in ``start.notes()``."""
    (tmp_path / "notes_extension.py").write_text(NOTES)
    file = tmp_path / "notes"

    def start_it(path=None, factory="notes_extension:create", **options):
        return start_replica(
            extension={"factory": factory, "options": {"file": str(file)}, "path": path},
            environment={"PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])},
            **options,
        )

    start_it.notes = lambda: [json.loads(line) for line in file.read_text().splitlines()]
    return start_it


def test_it_answers_its_path_and_no_other(start):
    replica = start("/_notes")
    assert (replica.get("/_notes").status, replica.get("/_notes").body) == (299, b"GET /_notes 0")
    assert replica.request("POST", "/_notes?a=b").body == b"POST /_notes 0"
    assert [replica.status(path) for path in ("/_notes/", "/_notes/x", "/api", "/livez")] == [404, 404, 200, 200]
    replica.post(1)
    assert replica.metric("cortex_requests_total", code="200") == 1  # of the endpoint alone
    assert not [record for record in replica.log_records() if "/_notes " in record["message"]]


def test_it_is_told_of_reports_and_ends_after_the_last(start):
    replica = start()
    assert replica.post({"eval": "1"}).status == 200
    replica.signal()
    assert replica.wait_exit() == 0
    first, *reports, last = start.notes()
    assert first == {"event": "start", "api": "api"}
    assert last == {"event": "stop", "draining": True}
    assert {note["event"] for note in reports} == {"report"}
    assert reports[-1]["draining"]
    assert sum(note["requests"].get("200", 0) for note in reports) == 1


def test_without_a_path_it_answers_none(start):
    replica = start()
    assert replica.status("/_notes") == 404
    wait_until(lambda: start.notes()[0]["event"] == "start", "it runs")


@pytest.mark.parametrize("factory", ["no_such_module:create", "notes_extension:no_such_function"])
def test_one_that_cannot_be_had(start, factory):
    replica = start(factory=factory, ready=False)
    assert replica.wait_exit() == 2
    (line,) = replica.output().splitlines()
    assert "no_such" in line
    assert "$.extension.factory" in line


def settings(endpoint="/api", path="/_notes"):
    return json.dumps(
        {
            "api": {"name": "a", "endpoint": endpoint},
            "predictor": {"project_dir": "/p", "path": "predictor.py"},
            "extension": {"factory": "m:f", "path": path},
        }
    )


def test_its_path_is_nobody_elses():
    assert parse(settings()).extension.path == "/_notes"
    with pytest.raises(SettingsError, match=r"\$\.api\.endpoint"):
        parse(settings(endpoint="/_notes"))
    for path in ("/livez", "/readyz", "/metrics"):
        with pytest.raises(SettingsError, match=r"\$\.extension\.path"):
            parse(settings(path=path))
