"""A soak of two minutes; `make soak` runs one of 30."""

import json

from tests.soak import report
from tests.soak.injection import Kind
from tests.soak.soak import run


def test_a_short_soak_passes_and_has_shown_something(tmp_path):
    soak = run(tmp_path, 120)
    assert soak.problems == []
    assert {growth.life.role for growth in soak.growths} == {"master", "front", "worker"}
    assert {fault.kind for fault in soak.injected} >= {Kind.KILL_WORKER, Kind.HANG, Kind.MODEL_SERVER, Kind.RESTART}
    assert all(count > 5 for count in soak.ledger.by_traffic.values())
    report.write(soak, tmp_path / "report")
    assert json.loads((tmp_path / "report/soak.json").read_text())["passed"] is True
    assert (tmp_path / "report/soak.png").stat().st_size > 10_000
