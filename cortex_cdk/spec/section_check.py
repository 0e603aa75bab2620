"""Checks sections of a document, and the rules between their keys, into a report."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from cortex_cdk.spec.report import Report
from cortex_cdk.spec.sections import Format, Path, Section
from cortex_cdk.spec.values import Rule, Values, valid_values
from cortex_cdk.spec.yaml_document import Document
from cortex_cdk.spec.yaml_nodes import Place


def errors_of(section: type[Section], data: Any) -> tuple[Any, list[ErrorDetails]]:
    """The section that ``data`` holds, or None; and what pydantic says against it."""
    try:
        return section.model_validate(data), []
    except ValidationError as error:
        return None, error.errors(include_url=False)


def check_rule(report: Report, rule: Rule, at: Path, section: type[Section], given: Any, bad: Collection[Path]) -> None:
    """Report what a rule finds in a section.

    Args:
        report: gets the violations.
        rule: between the section's keys.
        at: where the section is in the document.
        section: its declaration.
        given: what stands there; nothing is checked when that is no map.
        bad: paths in the document of what is known to be wrong.
    """
    if isinstance(given, Mapping):
        for violation in rule(values_of(at, section, given, bad)):
            report.add_violation(at, violation)


def values_of(at: Path, section: type[Section], given: Mapping[str, Any], bad: Collection[Path]) -> Values:
    """The valid values of a section; the arguments are those of ``check_rule``."""
    bad_keys = {path[len(at)] for path in bad if len(path) > len(at) and path[: len(at)] == at}
    return Values(valid_values(section, given, bad_keys), given)


def problems_of(section: type[Section], given: dict[str, Any], rule: Rule) -> list[str]:
    """What would be wrong with a section of these values, in words: for values that are from no file."""
    report = Report("", Document(data=given, places={(): Place(1, 1)}), Format("", section, False, ""))
    bad = {report.add_error((), detail) for detail in errors_of(section, given)[1]}
    check_rule(report, rule, (), section, given, bad)
    return [str(replace(problem, file="", line=None, column=None)) for problem in report.problems()]
