"""The pictures of dashboards that are in the pages show what is in the data."""

from __future__ import annotations

from PIL import Image

from tests.constructs.monitoring.conftest import Replicas, Ticks
from tests.support.aws import NEW
from tests.support.dashboard_picture import draw

MINUTE = 60


def test_graphs_show_what_was_sent(deployed, store, tmp_path):
    start = int(NEW) // MINUTE * MINUTE
    replicas, ticks = Replicas(deployed, "plain", store), Ticks(deployed, "cluster", store)
    ticks.fake.add_service("plain")
    body = deployed.dashboard("plain")
    empty = draw(body, store, start, start + 3 * MINUTE, tmp_path / "empty.png")
    assert len(empty) == sum(widget["type"] == "metric" for widget in body["widgets"])
    for bucket in range(start, start + 3 * MINUTE, 10):
        counted = {"classes": {"setosa": 1, "virginica": 2}}
        replicas.report(bucket, requests={"200": 3}, latency_s=[0.1, 0.2, 0.3], tracker=counted)
    ticks.minutes(3, plain=2.0)
    ticks.close()
    left = draw(body, store, start, start + 3 * MINUTE, tmp_path / "full.png")
    assert left == ["CPU and memory, of what is reserved", "Deployments and health"]  # which AWS itself measures
    assert has_lines(tmp_path / "full.png")
    assert not has_lines(tmp_path / "empty.png")


def has_lines(path):
    """Whether something is drawn in blue and green: what is not data is grey, or red."""
    with Image.open(path) as picture:
        colors = [color for _, color in picture.convert("RGB").getcolors(1 << 24)]
    return any(b > r + 80 for r, _, b in colors) and any(g > r + 80 and g > b + 80 for r, g, b in colors)
