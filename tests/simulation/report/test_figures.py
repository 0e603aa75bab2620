"""The file of all figures is the JSON document; plots tell how far they are."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from cortex_cdk.simulation.report.figures import write_figures
from cortex_cdk.simulation.report.json import document
from tests.simulation.report.sample import NONE, run


@pytest.mark.parametrize("runs", [[run()], [run(), run("fixed:8", 3, latency=NONE)]])
@pytest.mark.parametrize("least", [None, 1.25])
def test_it_is_the_document_with_its_series(tmp_path: Path, runs: list[object], least: float | None) -> None:
    path = write_figures(runs, tmp_path / "figures.json", least_replica_hours=least)  # type: ignore[arg-type]
    expected = document(runs, series=True, least_replica_hours=least)  # type: ignore[arg-type]
    found = json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert found == expected
    assert found["runs"][0]["series"]["latency_p50_s"][0] is None  # NaN
    assert list(found["runs"][0]) == list(expected["runs"][0])


def test_plots_tell_how_far_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    from cortex_cdk.simulation.report import plots

    monkeypatch.setattr(plots, "DPI", 30)
    told: list[tuple[str, float, int]] = []

    def progress(name: str, share: float) -> None:
        told.append((name, share, len(list(tmp_path.iterdir()))))

    paths = plots.write_plots([run(), run("knative")], tmp_path, progress=progress)
    assert [name for name, _, _ in told] == [path.name for path in paths]
    assert [written for _, _, written in told] == [0, 1, 2, 3]  # before each file
    assert all(math.isclose(share, i / 4) for i, (_, share, _) in enumerate(told))
