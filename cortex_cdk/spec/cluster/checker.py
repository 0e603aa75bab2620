"""Reads and checks a ``cluster.yaml``, and reports all problems at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from cortex_cdk.spec.cluster import alarm_rules, rules
from cortex_cdk.spec.cluster.alarm_kinds import API_ALARMS, CLUSTER_ALARMS, AlarmKind
from cortex_cdk.spec.cluster.alarm_sections import Alarm, Alarms
from cortex_cdk.spec.cluster.build import cluster_spec
from cortex_cdk.spec.cluster.document import FORMAT, Cluster
from cortex_cdk.spec.cluster.model import ClusterSpec
from cortex_cdk.spec.problem import Problem, SpecError
from cortex_cdk.spec.report import Report
from cortex_cdk.spec.section_check import check_rule, errors_of, values_of
from cortex_cdk.spec.sections import Path as KeyPath
from cortex_cdk.spec.source import read_file
from cortex_cdk.spec.values import Values
from cortex_cdk.spec.yaml_document import UNREADABLE


def load(path: str | Path) -> ClusterSpec:
    """The cluster of a ``cluster.yaml``.

    Raises:
        SpecError: with all problems, when there are any; see ``check``.
    """
    spec, problems = check(path)
    if spec is None:
        raise SpecError(problems)
    return spec


def check(path: str | Path, *, apis: Collection[str] | None = None) -> tuple[ClusterSpec | None, list[Problem]]:
    """Check a ``cluster.yaml``. Nothing is looked up in AWS.

    Args:
        path: the file; when there is none, or nothing in it, every key has its default.
        apis: the names of the APIs in ``cortex.yaml``; None: not known.

    Returns:
        The cluster, or None when there are problems; and all problems, in the order of the file.
    """
    try:
        document = read_file(Path(path), FORMAT.file) if _is_there(Path(path)) else None
    except SpecError as error:
        return None, list(error.problems)
    if document is None:
        return cluster_spec(Cluster()), []
    report = Report(str(path), document, FORMAT)
    cluster = _check(report, document.data, apis)
    problems = report.problems()
    return (None, problems) if problems or cluster is None else (cluster_spec(cluster), [])


def _is_there(path: Path) -> bool:
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        pass  # whoever reads it says what is wrong
    return True


def _check(report: Report, data: Any, apis: Collection[str] | None) -> Cluster | None:
    """The cluster, valid when the report stays empty."""
    if data is UNREADABLE:
        return None
    if not isinstance(data, dict):
        report.add((), report.found(()), allowed="a map, as in `region: eu-central-1`")
        return None
    cluster: Cluster | None
    cluster, details = errors_of(Cluster, data)
    bad = {report.add_error((), detail) for detail in details}
    groups = data.get("instance_groups")
    for place, group in enumerate(groups if isinstance(groups, list) else ()):
        at = ("instance_groups", place)
        check_rule(report, rules.instance_group, at, FORMAT.sections["instance_groups"], group, bad)
    for place, violation in rules.unique_names([_name(group) for group in groups] if isinstance(groups, list) else []):
        report.add_violation(("instance_groups", place), violation)
    for name in ("vpc", "endpoint", "alarms"):
        check_rule(report, rules.SECTION_RULES[name], (name,), FORMAT.sections[name], data.get(name), bad)
    values = _all_values(data, bad)
    for violation in rules.cluster(values):
        report.add_violation((), violation)
    _check_alarms(report, data.get("alarms"), bad, values["region"] if values.have("region") else None, apis)
    return cluster


def _check_alarms(
    report: Report, alarms: Any, bad: set[KeyPath], region: str | None, apis: Collection[str] | None
) -> None:
    """Report what is wrong with single alarms, with topics, and with the names of APIs."""
    if not isinstance(alarms, dict):
        return
    own = alarms.get("apis")
    single = own if isinstance(own, dict) else {}
    if apis is not None:
        for violation in alarm_rules.known_apis(single, apis):
            report.add_violation(("alarms",), violation)
    places: list[tuple[KeyPath, AlarmKind, Any]] = [*_each(("alarms",), {**API_ALARMS, **CLUSTER_ALARMS}, alarms)]
    for name, section in single.items():
        places += _each(("alarms", "apis", name), API_ALARMS, section)
    for at, kind, given in places:
        check_rule(report, alarm_rules.alarm(kind), at, Alarm, given, bad)
    if region is not None:
        check_rule(report, alarm_rules.topic_of(region), ("alarms",), Alarms, alarms, bad)
        for at, _, given in places:
            check_rule(report, alarm_rules.topic_of(region), at, Alarm, given, bad)


def _each(at: KeyPath, kinds: Mapping[str, AlarmKind], section: Any) -> Iterator[tuple[KeyPath, AlarmKind, Any]]:
    """The alarms in the section at ``at``: where each is, its kind, and what stands there."""
    if isinstance(section, dict):
        for name, kind in kinds.items():
            yield (*at, name), kind, section.get(name)


def _name(group: Any) -> str | None:
    if not isinstance(group, dict):
        return None
    name = group.get("name", FORMAT.sections["instance_groups"].model_fields["name"].default)
    return name if isinstance(name, str) else None


def _all_values(data: Mapping[str, Any], bad: set[KeyPath]) -> Values:
    """The values of the file itself, and those of its sections by names such as ``vpc.id``."""
    values = {**values_of((), Cluster, data, bad).valid}
    for name in ("vpc", "endpoint"):
        given = data.get(name, {} if name == "endpoint" else None)
        if isinstance(given, dict):
            inner = values_of((name,), FORMAT.sections[name], given, bad).valid
            values |= {f"{name}.{key}": value for key, value in inner.items()}
    return Values(values, data)
