"""One HTML file with the charts of several runs: it fetches nothing, and works offline, dark or light, and on paper.

The charts are drawn by ``page.js`` from the numbers in the page, the styles are in ``page.css``; both are put into the
file. Moving the pointer over a chart reads the values off, with the reason of the decision in force; a click holds
them; dragging zooms in; the names at the top switch policies on and off.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cortex_cdk.simulation.report.json import without_nan
from cortex_cdk.simulation.report.reduce import colours, is_reference, pareto_front, reason_of, reduced
from cortex_cdk.simulation.report.table import amount, best, columns
from cortex_cdk.simulation.run import Run
from cortex_cdk.simulation.seconds import format_seconds

POINTS = 1000  # elements of each series in the page
_DIGITS = 4
_DECISIONS = 2000  # of each run in the page, about 100 bytes each
_HERE = Path(__file__).parent

_POLICY = (  # nothing may be fetched
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)


def write_page(
    runs: Sequence[Run],
    path: Path,
    *,
    settings: Mapping[str, str] | None = None,
    least_replica_hours: float | None = None,
) -> Path:
    """Write the page of runs of one workload to ``path``.

    Args:
        runs: one or more.
        path: the file to write; its folder exists.
        settings: further settings to list, by their name: the API, the command line, the prices' date.
        least_replica_hours: the lower bound for policies that answer all requests within the objective, if known.
    """
    path.write_text(page(runs, settings=settings, least_replica_hours=least_replica_hours), encoding="utf-8")
    return path


def page(
    runs: Sequence[Run], *, settings: Mapping[str, str] | None = None, least_replica_hours: float | None = None
) -> str:
    """The text of the page; see ``write_page``."""
    first = runs[0]
    data = _data(runs, least_replica_hours)
    width = format_seconds(data["width_s"])
    detail = "" if data["width_s"] <= 10 else f" Counts are means of {width}; p95 and p99 are of the worst 10 s in it."
    objective = format_seconds(first.objective_s)
    charts = [
        _chart("load", "Load", "requests/s"),
        _chart("in-flight", "Requests in flight", "running and queued; log"),
        _chart("replicas", "Replicas", "ready: thick line; desired: dotted"),
        _chart("latency", "Latency", f"log; dashed: the objective, {objective}", _PERCENTILE),
    ]
    if any(run.summary.rejected for run in runs):
        charts.append(_chart("rejected", "503s", "requests/s"))
    if len(runs) > 1:
        text = f"requests not answered within {objective} (share, log) against replica hours"
        if least_replica_hours is not None:
            text += f"; dashed: no policy that answers all in time takes less than {amount(least_replica_hours)}"
        charts.append(_chart("scatter", "Costs against the objective", text + "; grey: the best trade-offs"))
    title = f"{first.trace}: {', '.join(run.policy for run in runs)}"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>{escape(title)}</title>
<style>
{_read("page.css")}{_run_colours(runs)}</style>
</head>
<body>
<h1>Simulated scaling: {escape(first.trace)}</h1>
<p>{escape(_headline(first))}</p>
<div class="scroll">{_table(runs)}</div>
<div id="legend" aria-label="policies"></div>
<p>Point to read values, click to hold them, drag to zoom, double-click to go back.{escape(detail)}</p>
{"".join(charts)}
<div id="readout" aria-live="polite"><span class="dim">Point at a chart to read its values here.</span></div>
<details open><summary>Settings</summary>
<div class="scroll"><table>{_settings(first, settings or {})}</table></div></details>
<script type="application/json" id="data">{_embedded(data)}</script>
<script>
{_read("page.js")}</script>
</body>
</html>
"""


_BEST = ' class="best"'
_PERCENTILE = (
    ' <select id="percentile" aria-label="percentile">'
    "<option>p99</option><option>p95</option><option>p50</option></select>"
)


def _chart(name: str, title: str, detail: str, control: str = "") -> str:
    label = escape(f"{title} ({detail})", quote=True)
    return (
        f'<h2>{escape(title)}{control} <span class="dim" style="font-weight:400">{escape(detail)}</span></h2>\n'
        f'<div id="{name}" data-label="{label}"></div>\n'
    )


def _data(runs: Sequence[Run], least_replica_hours: float | None) -> dict[str, Any]:
    """What ``page.js`` draws. Numbers have four digits: a page of ten runs has about a megabyte."""
    series = [reduced(run, POINTS) for run in runs]
    starts_at = runs[0].starts_at
    front = pareto_front(runs)
    return {
        "duration_s": runs[0].duration_s,
        "objective_s": runs[0].objective_s,
        # The wall clock as the trace has it: the page shows it as if it were UTC.
        "starts_at_ms": None if starts_at is None else starts_at.replace(tzinfo=UTC).timestamp() * 1000,
        "width_s": series[0].width_s,
        "least_replica_hours": least_replica_hours,
        "front": [i for run in front for i, other in enumerate(runs) if other is run],
        "t": series[0].start_s.tolist(),
        "runs": [
            {
                "policy": run.policy,
                "reference": is_reference(run),
                "hours": run.summary.replica_hours,
                "missed": 1 - run.summary.fraction_within_objective,
                "series": {
                    "rate": _rounded(one.rate),
                    "in_flight": _rounded(one.in_flight),
                    "desired": _rounded(one.desired),
                    "ready": _rounded(one.ready),
                    "rejected": _rounded(one.rejected),
                    "p50": _rounded(one.p50_s),
                    "p95": _rounded(one.p95_s),
                    "p99": _rounded(one.p99_s),
                },
                "decisions": _decisions(run),
            }
            for run, one in zip(runs, series, strict=True)
        ],
    }


def _decisions(run: Run) -> list[list[Any]]:
    """Time, count and reason: of every tick if that is not too much, else of those that changed the count."""
    found = run.decisions
    if len(found) > _DECISIONS:
        changes = [entry for before, entry in zip((None, *found), found, strict=False)
                   if before is None or before[1].desired != entry[1].desired]  # fmt: skip
        step = -(-len(changes) // _DECISIONS)
        found = tuple(changes[::step])
    return [[round(at, 3), outcome.desired, reason_of(outcome)] for at, outcome in found]


def _rounded(values: NDArray[np.float64]) -> list[float | int | None]:
    found: list[float | int | None] = []
    for value in values.tolist():
        if value != value:
            found.append(None)
        else:
            short = float(f"{value:.{_DIGITS}g}")
            found.append(int(short) if short == int(short) else short)
    return found


def _embedded(data: dict[str, Any]) -> str:
    """JSON that cannot end its script element."""
    text = json.dumps(without_nan(data), separators=(",", ":"), ensure_ascii=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _run_colours(runs: Sequence[Run]) -> str:
    found = colours([run.policy for run in runs])
    light = " ".join(f"--run-{i}: {pair[0]};" for i, pair in enumerate(found))
    dark = " ".join(f"--run-{i}: {pair[1]};" for i, pair in enumerate(found))
    return (
        f":root {{ {light} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"
        f"@media print {{ :root {{ {light} }} }}\n"
    )


def _table(runs: Sequence[Run]) -> str:
    shown = columns(runs)
    head = "".join(f"<th>{escape(column.heading)}</th>" for column in shown)
    marked = [best(runs, column) for column in shown]
    rows = []
    for i, run in enumerate(runs):
        cells = "".join(
            f"<td{_BEST if i in winners else ''}>{escape(column.written(column.value(run)))}</td>"
            for column, winners in zip(shown, marked, strict=True)
        )
        swatch = f'<span class="swatch" style="background:var(--run-{i})"></span>'
        rows.append(f"<tr><td>{swatch}{escape(run.policy)}</td>{cells}</tr>")
    return f"<table><thead><tr><th>policy</th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _headline(run: Run) -> str:
    length = format_seconds(run.duration_s)
    since = f" from {run.starts_at:%Y-%m-%d %H:%M:%S}" if run.starts_at else ""
    return (
        f"{run.summary.requests:,} requests in {length}{since}; service time {format_seconds(run.service_time_s)} on "
        f"average; a replica starts in {format_seconds(run.platform.task_startup_s)}; "
        f"objective: an answer within {format_seconds(run.objective_s)}"
    )


def _settings(run: Run, more: Mapping[str, str]) -> str:
    platform = run.platform
    found = {
        **more,
        "slots of a replica": str(platform.slots),
        "most requests on a replica": f"{platform.max_replica_concurrency:,}",
        "start-up of a replica": format_seconds(platform.task_startup_s),
        "start-up of a node, before that": format_seconds(platform.node_startup_s),
        "replicas on a node": str(platform.replicas_per_node),
        "nodes, at most": "no limit" if platform.max_nodes is None else str(platform.max_nodes),
        "an empty node is kept for": format_seconds(platform.node_idle_s),
        "load reports can be read after": format_seconds(platform.report_delay_s),
        "price of a node": f"${platform.node_price_per_hour:g} per hour",
        "service time, mean": format_seconds(run.service_time_s),
        "latency objective": format_seconds(run.objective_s),
        "seed": str(run.seed),
    }
    return "".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in found.items())


def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")
