"""Widgets of dashboards that look alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

TEN_SECONDS = Duration.seconds(10)
MINUTE = Duration.minutes(1)

RED, ORANGE, GREEN, BLUE, GREY = (
    cloudwatch.Color.RED,
    cloudwatch.Color.ORANGE,
    cloudwatch.Color.GREEN,
    cloudwatch.Color.BLUE,
    cloudwatch.Color.GREY,
)

THIRD = 8
"""The width of a widget of three in a row; a row has 24 columns."""

NOTE = (
    "Scaling is drawn every 10 s. CloudWatch keeps that for 3 hours; to look further back, choose "
    "*Period override: Auto* in the dashboard's actions."
)


def graph(
    title: str,
    unit: str,
    metrics: Sequence[cloudwatch.IMetric],
    *,
    right: Sequence[cloudwatch.IMetric] = (),
    right_unit: str | None = None,
    lines: Mapping[str, float] | None = None,
    period: Duration = MINUTE,
    stacked: bool = False,
    width: int = THIRD,
) -> cloudwatch.GraphWidget:
    """A graph over time.

    Args:
        title: what it shows.
        unit: of ``metrics``, at the left axis, which begins at 0 unless values are negative.
        metrics: each with a label.
        right, right_unit: the same at the right axis.
        lines: horizontal ones at values of the left axis, by their labels.
        period: of all metrics.
        stacked: whether the metrics add up.
        width: in columns, of 24.
    """
    axis = cloudwatch.YAxisProps(label=right_unit, show_units=False, min=0) if right_unit else None
    return cloudwatch.GraphWidget(
        title=title,
        left=list(metrics),
        left_y_axis=cloudwatch.YAxisProps(label=unit, show_units=False, min=0 if unit != "value" else None),
        right=list(right),
        right_y_axis=axis,
        left_annotations=[
            cloudwatch.HorizontalAnnotation(label=label, value=value, color=RED)
            for label, value in (lines or {}).items()
        ],
        legend_position=cloudwatch.LegendPosition.BOTTOM,
        period=period,
        stacked=stacked,
        width=width,
        height=6,
    )


def filled(metric: cloudwatch.Metric, name: str) -> cloudwatch.MathExpression:
    """A metric that is only there when something happens, with zeros in between."""
    return cloudwatch.MathExpression(
        expression=f"FILL({name}, 0)",
        using_metrics={name: metric},
        label=metric.label,
        color=metric.color,
        period=metric.period,
    )


def search(
    namespace: str,
    dimensions: Sequence[str],
    metric_name: str,
    statistic: str,
    *,
    where: Mapping[str, str],
    label: str,
    period: Duration = MINUTE,
    most: int = 20,
) -> cloudwatch.MathExpression:
    """A line for each metric of a name, whatever others there will be: for the ``most`` with the highest values.

    Args:
        namespace: of the metrics.
        dimensions: all that they have.
        metric_name: their name.
        statistic: such as ``Sum``.
        where: the values of some dimensions.
        label: the dimension whose value names a line.
        period: of the lines.
        most: how many of them.
    """
    schema = ",".join([f'"{namespace}"', *dimensions])
    terms = " ".join(f'{name}="{value}"' for name, value in {"MetricName": metric_name, **where}.items())
    seconds = int(period.to_seconds())
    return cloudwatch.MathExpression(
        expression=f"SORT(SEARCH('{{{schema}}} {terms}', '{statistic}', {seconds}), MAX, DESC, {most})",
        using_metrics={},
        label=f"${{PROP('Dim.{label}')}}",
        period=period,
    )


def dashboard(scope: Construct, id: str, rows: Sequence[Sequence[cloudwatch.IWidget]]) -> cloudwatch.Dashboard:
    """A dashboard of the last 3 hours, whose graphs keep their own periods."""
    return cloudwatch.Dashboard(
        scope,
        id,
        widgets=[list(row) for row in rows if row],
        default_interval=Duration.hours(3),
        period_override=cloudwatch.PeriodOverride.INHERIT,
    )


def url_of(shown: cloudwatch.Dashboard) -> str:
    """Where a dashboard is seen."""
    stack = Stack.of(shown)
    # In the other partitions the console has other names, and this one leads nowhere.
    console = f"https://{stack.region}.console.aws.amazon.com/cloudwatch/home"
    return f"{console}?region={stack.region}#dashboards/dashboard/{shown.dashboard_name}"
