"""``--help`` with options under headings, for a command that has many."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand

_REST = "Other options"


class GroupedHelp(TyperCommand):
    """Lists each option under its ``rich_help_panel``, in the order in which the panels first occur."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, then the options by group, those without one last."""
        groups: dict[str, list[tuple[str, str]]] = {"Arguments": []}
        rest = []
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is None:
                continue
            heading = getattr(parameter, "rich_help_panel", None)
            if parameter.param_type_name == "argument":
                groups["Arguments"].append(record)
            elif heading:
                groups.setdefault(heading, []).append(record)
            else:
                rest.append(record)
        for heading, records in {**groups, _REST: rest}.items():
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)
