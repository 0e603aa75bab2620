"""docs/operations.md: a section for each alarm, and the defaults that the alarms really have."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from cortex_cdk.constructs import ApiAlarms, ClusterAlarms
from cortex_cdk.constructs.saved_queries import OF_REPLICAS, OF_SCALER
from cortex_cdk.spec.cluster.alarm_kinds import API_ALARMS, CLUSTER_ALARMS, OPERATIONS_PAGE
from tests.constructs.monitoring.conftest import APIS

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / OPERATIONS_PAGE).read_text(encoding="utf-8")
PROSE = " ".join(re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL).split())
SECTIONS = {
    heading.lower().replace(" ", "-"): text
    for heading, text in re.findall(r"^## (.+)\n((?:(?!^## ).*\n?)*)", PAGE, re.MULTILINE)
}
ALARMS = [*API_ALARMS, *CLUSTER_ALARMS]
ROWS = dict(re.findall(r"^\| \[`(\w+)`\]\(#[\w-]+\) \| (.*) \|$", PAGE, re.MULTILINE))


def test_the_constructs_have_them_all():
    sending = {"topic", "emails", "operations_page"}
    for kind, names in ((ApiAlarms, API_ALARMS), (ClusterAlarms, CLUSTER_ALARMS)):
        assert [field.name for field in fields(kind) if field.name not in sending] == [*names]


def test_every_link_of_an_alarm_leads_to_a_section(deployed):
    linked = set()
    for stack in ("cluster", *APIS):
        for alarm in deployed.all(stack, "CloudWatch::Alarm").values():
            linked |= {*re.findall(rf"{OPERATIONS_PAGE}#([\w-]+)$", alarm["AlarmDescription"])}
    for rule in deployed.all("plain", "Events::Rule").values():
        linked |= {*re.findall(rf"{OPERATIONS_PAGE}#([\w-]+)", rule["Targets"][0]["InputTransformer"]["InputTemplate"])}
    assert linked == {name.replace("_", "-") for name in ALARMS}
    assert linked <= SECTIONS.keys()


@pytest.mark.parametrize("name", ALARMS)
def test_each_section_says_how_it_shows_what_it_means_and_what_to_do(name):
    section = SECTIONS[name.replace("_", "-")]
    for part in ("**How it shows.**", "**What it means.**", "**What to do.**"):
        assert part in section
    assert f"[`{name}`](#{name.replace('_', '-')})" in PAGE


def test_the_table_has_the_defaults(deployed):
    assert list(ROWS) == ALARMS
    alarms = {name: name.title().replace("_", "") for name in ALARMS if name != "deployment_failed"}
    for name, id in alarms.items():
        stack = "plain" if name in API_ALARMS else "cluster"
        alarm = deployed.alarm(stack, f"{id}default" if name == "capacity_stuck" else id)
        words, minutes = ROWS[name].split(" | ")
        assert f"{alarm['Threshold']:,g}" in re.findall(r"[\d,]+", words), name
        enough, of = alarm["DatapointsToAlarm"], alarm["EvaluationPeriods"]
        if name == "server_errors":
            expected = "5 min"  # of a sliding window
            assert alarm["Metrics"][1]["MetricStat"]["Period"] == 300
        elif of == 1:
            expected = "at once"
        else:
            expected = f"{of} min" if enough == of else f"{enough} of {of} min"
        assert minutes == expected, name


def test_graphs_and_queries_are_called_as_they_are(deployed):
    titles = {
        widget["properties"]["title"]
        for stack in ("cluster", *APIS)
        for widget in deployed.dashboard(stack)["widgets"]
        if widget["type"] == "metric"
    }
    shown = {*re.findall(r'"([A-Z][^"]+)"', PROSE)}
    assert shown <= titles
    assert len(shown) > 5
    named = {*re.findall(r"Run \*([^*]+)\*", PROSE)}
    assert named <= {*OF_REPLICAS, *OF_SCALER}
    assert len(named) >= 4
