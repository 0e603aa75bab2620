"""Write docs/performance.md's tables and pictures from measured results: ``python -m benchmarks.report [RESULTS]``."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from benchmarks import pictures
from benchmarks.results import FILE, PARTS, Results, ResultsError, goals_table, read

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
IMAGES = PAGE.parent / "images"
GOALS = "goals"


def main() -> int:
    """Write the page. The exit status is 1 when results are absent or not all there."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__)
    parser.add_argument("results", nargs="?", type=Path, default=FILE, help="what was measured (%(default)s)")
    arguments = parser.parse_args()
    try:
        results = read(arguments.results)
        if missing := [name for name in PARTS if name not in results.parts]:
            raise ResultsError(f"{arguments.results} lacks {', '.join(missing)}: `python -m benchmarks` measures them")
        PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8"), sections(results)), encoding="utf-8")
    except ResultsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    pictures.draw(results, IMAGES)
    print(f"{PAGE} and its pictures hold the figures of {arguments.results} now")
    return 0


def sections(results: Results) -> dict[str, str]:
    """The Markdown of each section of the page: the goals, and every part that was measured."""
    minutes = sum(recorded.conditions.took_s for recorded in results.parts.values()) / 60
    written = {
        GOALS: goals_table(results.goals()).markdown(titled=False) + f"\nAll of it took {minutes:.0f} minutes.\n"
    }
    for name, recorded in results.parts.items():
        tables = results.tables(name)
        texts = [table.markdown(titled=number > 0) for number, table in enumerate(tables)]
        written[name] = "\n".join([*texts, f"{recorded.conditions.sentence()}.\n"])
    return written


def rewritten(page: str, contents: dict[str, str]) -> str:
    """A page whose sections between ``<!-- NAME: begin -->`` and ``<!-- NAME: end -->`` hold ``contents``.

    Raises:
        ResultsError: a section is not there, or there twice.
    """
    for name, content in contents.items():
        pattern = re.compile(rf"(<!-- {name}: begin -->\n).*?(<!-- {name}: end -->)", re.DOTALL)
        page, count = pattern.subn(lambda found, content=content: f"{found[1]}\n{content}\n{found[2]}", page)
        if count != 1:
            raise ResultsError(f"the page must have one section between <!-- {name}: begin --> and end, it has {count}")
    return page


if __name__ == "__main__":
    sys.exit(main())
