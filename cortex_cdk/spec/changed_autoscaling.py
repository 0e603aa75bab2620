"""The section ``autoscaling`` with some keys written anew, to try values without editing a file.

The rules, and what is said about a value, are those of ``cortex.yaml``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from cortex_cdk.spec import rules
from cortex_cdk.spec.build import autoscaling_spec
from cortex_cdk.spec.document import FORMAT, Autoscaling
from cortex_cdk.spec.model import AutoscalingSpec
from cortex_cdk.spec.problem import Problem, SpecError
from cortex_cdk.spec.report import Report
from cortex_cdk.spec.values import Values, valid_values
from cortex_cdk.spec.yaml_document import Document, read
from cortex_cdk.spec.yaml_nodes import DocumentError, Place

_SECTION = (0, "autoscaling")
_NOWHERE = Place(1, 1)


def changed_autoscaling(
    section: Mapping[str, Any], changes: Mapping[str, str], *, file: str = "the defaults", option: str = "--set"
) -> tuple[dict[str, Any], AutoscalingSpec]:
    """A section of a ``cortex.yaml`` with ``changes``, as it would stand in a file, and what it comes to.

    A key that follows from others when it is left out, such as ``init_replicas``, follows from the changed ones.

    Args:
        section: the section as it stands in a file, which is valid; empty where there is none.
        changes: values as one would write them in the file, by key. They replace those of ``section``.
        file: where ``section`` is from, for messages.
        option: how the changes were given, for messages.

    Raises:
        SpecError: with all problems. Those of a changed value are located by the option, the others by ``file``.
    """
    given = {**section}
    document = Document(data=[{"autoscaling": given}])
    for path in ((), (0,), _SECTION, *((*_SECTION, key) for key in section)):
        document.places[path] = document.keys[path] = _NOWHERE
    problems = []
    for key, text in changes.items():
        try:
            value = read(text)
        except DocumentError as error:
            message, hint = (
                (error.message, error.hint) if text.strip() else ("there is no value", "write it after the =")
            )
            problems.append(Problem(f"{option} {key}={text}", message, key=f"autoscaling.{key}", hint=hint))
            continue
        given[key] = value.data
        document.keys[(*_SECTION, key)] = _NOWHERE
        document.places |= {(*_SECTION, key, *path): place for path, place in value.places.items()}
        document.keys |= {(*_SECTION, key, *path): place for path, place in value.keys.items()}
        document.flaws += [replace(flaw, path=(*_SECTION, key, *flaw.path)) for flaw in value.flaws]
    spec, found = _checked(document, given)
    problems += [_located(problem, changes, file, option) for problem in found]
    if problems or spec is None:
        raise SpecError(problems)
    return given, spec


def _checked(document: Document, given: Mapping[str, Any]) -> tuple[AutoscalingSpec | None, Iterable[Problem]]:
    report = Report("", document, FORMAT)
    spec, bad = None, set()
    try:
        spec = autoscaling_spec(Autoscaling.model_validate(given))
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            detail["loc"] = ("autoscaling", *detail["loc"])
            bad.add(report.add_error((0,), detail)[1])
    for violation in rules.autoscaling(Values(valid_values(Autoscaling, given, bad), given)):
        report.add_violation(_SECTION, violation)
    return spec, report.problems()


def _located(problem: Problem, changes: Mapping[str, str], file: str, option: str) -> Problem:
    """The problem with its place in words: lines and columns mean nothing here, nor does the API's place in a list."""
    key = (problem.key or "").removeprefix("autoscaling.").partition(".")[0]
    if key in changes:
        where = f"{option} {key}={changes[key]}"
    else:
        where = " ".join(
            [file or "the defaults", "with", *(f"{option} {name}={text}" for name, text in changes.items())]
        )
    return replace(problem, file=where, line=None, column=None, api=None)
