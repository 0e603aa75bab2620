"""Compare the autoscalers on two recorded traces and three patterns, each with three start-up times.

    python scripts/compare_autoscalers.py --azure azure_llm_conv_2023.csv --worldcup worldcup98_per_minute.csv

Writes the tables and pictures of docs/autoscaling.md. Without both traces it prints the tables of what it can run and
leaves the page as it is. Seeds are fixed: the same traces give the same figures.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from rich.progress import track

from cortex_cdk.simulation import Platform, parse_service_time, pattern, read_trace
from cortex_cdk.simulation.compare import compare
from cortex_cdk.simulation.policies import PolicyContext
from cortex_cdk.simulation.run import Run
from cortex_cdk.simulation.trace import Trace
from cortex_cdk.spec import autoscaling_of

PAGE = Path(__file__).resolve().parent.parent / "docs" / "autoscaling.md"
IMAGES = PAGE.parent / "images"
BEGIN, END = "<!-- comparison: begin -->\n", "<!-- comparison: end -->\n"
STARTUPS_S = (10, 60, 240)
POLICIES = ("responsive", "cortex", "knative", "ray", "hpa", "ecs", "ecs-60s", "fixed", "oracle")
RIVALS = POLICIES[2:-1]
SEED = 0
PICTURED = ("step", 60)


@dataclass(frozen=True)
class Workload:
    """Traffic, and how long a request takes. ``replicas`` run at the start, enough for the load then."""

    title: str
    service_time: str
    replicas: int
    trace: Callable[[argparse.Namespace], Trace]
    needs: str | None = None


WORKLOADS = {
    "azure": Workload(
        "Azure LLM inference, conversations, 2023 (19,366 requests in 58 min)",
        "lognormal:1s,cv=1",
        8,
        lambda paths: read_trace(paths.azure),
        "azure",
    ),
    "worldcup": Workload(
        "World Cup web site, 30 June 1998, 15:00 to 22:00, a twentieth of its requests",
        "exp:100ms",
        12,
        lambda paths: read_trace(paths.worldcup, start="1998-06-30T15:00:00", end="1998-06-30T22:00:00", scale=0.05),
        "worldcup",
    ),
    "step": Workload("`step:10..100@300s`, 30 min", "exp:100ms", 2, lambda _: pattern("step:10..100@300s", 1800)),
    "spike": Workload(
        "`spike:10..100@300s+60s/15m`, 1 h", "exp:100ms", 2, lambda _: pattern("spike:10..100@300s+60s/15m", 3600)
    ),
    "sine": Workload("`sine:55+-45/20m`, 1 h", "exp:100ms", 8, lambda _: pattern("sine:55+-45/20m", 3600)),
}


class Case(NamedTuple):
    """A workload and the seconds that a replica takes to start."""

    workload: str
    startup_s: int


class Result(NamedTuple):
    """Of one policy in one case."""

    within: float
    hours: float
    ups: int
    peak: int

    def beats(self, other: Result) -> bool:
        """Better in one of both, objective and cost, and not worse in the other."""
        return self.within >= other.within and self.hours <= other.hours and self[:2] != other[:2]


def run_case(case: Case, paths: argparse.Namespace, policies: Sequence[str] = POLICIES) -> list[Run]:
    """All policies on one case, with the very same requests."""
    workload = WORKLOADS[case.workload]
    trace, service_time = workload.trace(paths), parse_service_time(workload.service_time)
    context = PolicyContext(
        policy=autoscaling_of(init_replicas=workload.replicas).policy(),
        responsive=autoscaling_of(preset="responsive", init_replicas=workload.replicas).policy(),
        platform=Platform(task_startup_s=case.startup_s),
        trace=trace,
        service_time=service_time,
        seed=SEED,
    )
    return compare(policies, trace, service_time, context)


def results_of(case: Case, paths: argparse.Namespace) -> tuple[Case, dict[str, Result]]:
    """The figures alone, which is what travels between processes."""
    found = {}
    for run in run_case(case, paths):
        summary = run.summary
        found[run.policy] = Result(
            summary.fraction_within_objective, summary.replica_hours, summary.scale_ups, summary.peak_replicas
        )
    return case, found


def table(workload: str, results: dict[Case, dict[str, Result]]) -> str:
    """Markdown: a row a policy, and for each start-up time the share within the objective and the replica hours."""
    mean_s = parse_service_time(WORKLOADS[workload].service_time).mean_s
    lines = [
        f"**{WORKLOADS[workload].title}**; service time `{WORKLOADS[workload].service_time}`, objective "
        f"{10 * mean_s:g} s, {WORKLOADS[workload].replicas} replicas at the start. For each start-up time: within the "
        "objective, replica hours.",
        "",
        "| policy |" + "".join(f" {startup} s | |" for startup in STARTUPS_S),
        "|---|" + "---:|---:|" * len(STARTUPS_S),
    ]
    for policy in POLICIES:
        cells = []
        for startup in STARTUPS_S:
            result, ours = results[Case(workload, startup)][policy], results[Case(workload, startup)]["responsive"]
            mark = " †" if policy in RIVALS and result.beats(ours) else ""
            cells += [f"{100 * result.within:.3f} %", f"{result.hours:.2f}{mark}"]
        lines.append(f"| {policy} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def beaten(results: dict[Case, dict[str, Result]]) -> Iterator[str]:
    """A line for each case in which a rival is better in both."""
    for case, found in results.items():
        ours = found["responsive"]
        for rival in RIVALS:
            if found[rival].beats(ours):
                yield (
                    f"- {case.workload}, start-up {case.startup_s} s: `{rival}` has {100 * found[rival].within:.3f} % "
                    f"for {found[rival].hours:.2f} replica hours, `responsive` {100 * ours.within:.3f} % for "
                    f"{ours.hours:.2f}."
                )


def text(results: dict[Case, dict[str, Result]]) -> str:
    """The generated part of the page."""
    workloads = dict.fromkeys(case.workload for case in results)
    parts = [table(workload, results) for workload in workloads]
    worse = list(beaten(results))
    summary = f"In {len(results)} cases with {len(RIVALS)} rivals each, a rival is better in both († above) "
    summary += f"{len(worse)} times:\n\n" + "\n".join(worse) if worse else "never."
    return "\n".join([*parts, summary + "\n"])


def draw(results: dict[Case, dict[str, Result]], paths: argparse.Namespace) -> None:
    """The pictures: all cases as costs against missed objectives, and one case over time."""
    from matplotlib.ticker import LogLocator, NullFormatter

    from cortex_cdk.simulation.report import plots, reduce

    names = [policy for policy in POLICIES if policy != "oracle"]
    colours = dict(zip(names, (light for light, _ in reduce.colours(names)), strict=True))
    workloads = list(dict.fromkeys(case.workload for case in results))
    figure = plots.new_figure(11, 2.6 * len(workloads) + 0.6)
    grid = figure.subplots(len(workloads), len(STARTUPS_S), squeeze=False)
    for row, workload in zip(grid, workloads, strict=True):
        for axes, startup in zip(row, STARTUPS_S, strict=True):
            for policy in names:
                result = results[Case(workload, startup)][policy]
                axes.plot(
                    result.hours,
                    max(100 * (1 - result.within), 1e-3),
                    "*" if policy == "responsive" else "o",
                    color=colours[policy],
                    markersize=13 if policy == "responsive" else 7,
                    label=policy,
                    linestyle="none",
                )
            axes.set(xscale="log", yscale="log", title=f"{workload}, start-up {startup} s")
            axes.title.set_fontsize(9)
            axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
            axes.xaxis.set_minor_formatter(NullFormatter())
            axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
            axes.grid(color="#dddddd", linewidth=0.6, which="both")
            axes.set_axisbelow(True)
            axes.tick_params(labelsize=8)
        row[0].set_ylabel("missed objective (%)", fontsize=9)
    for axes in grid[-1]:
        axes.set_xlabel("replica hours (log)", fontsize=9)
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(names), fontsize=9, frameon=False)
    IMAGES.mkdir(exist_ok=True)
    figure.savefig(IMAGES / "autoscalers.png", dpi=100)
    runs = run_case(Case(*PICTURED), paths, ("responsive", "cortex", "knative", "hpa", "ecs"))
    plots.comparison(runs).savefig(IMAGES / "autoscalers-step.png", dpi=100)


def main(arguments: Sequence[str]) -> int:
    """Run the comparison; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--azure", type=Path, metavar="CSV", help="AzureLLMInferenceTrace_conv.csv")
    parser.add_argument("--worldcup", type=Path, metavar="CSV", help="requests per minute of the 1998 World Cup site")
    paths = parser.parse_args(arguments)
    names = [name for name, workload in WORKLOADS.items() if not workload.needs or getattr(paths, workload.needs)]
    cases = [Case(name, startup) for name in names for startup in STARTUPS_S]
    for missing in sorted(WORKLOADS.keys() - set(names)):
        print(f"{missing} is left out: give its trace with --{missing} CSV", file=sys.stderr)
    with ProcessPoolExecutor() as pool:
        futures = [pool.submit(results_of, case, paths) for case in cases]
        done = dict(future.result() for future in track(as_completed(futures), "comparing", total=len(futures)))
    results = {case: done[case] for case in cases}
    print(text(results))
    if len(names) < len(WORKLOADS):
        print(f"{PAGE.name} is left as it is: not all workloads were run", file=sys.stderr)
        return 0
    draw(results, paths)
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{text(results)}\n{END}{after}", encoding="utf-8")
    print(f"written: docs/{PAGE.name} and its pictures in docs/{IMAGES.name}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
