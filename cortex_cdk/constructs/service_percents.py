"""The deployment percents that a template gives a service, whose desired count it does not know."""

from __future__ import annotations

from cortex_cdk.autoscaling import Rollout, UpdateStrategy, rollout

MAX_TASKS = 5000
"""Tasks that a service can have (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html)."""


def template_percents(strategy: UpdateStrategy, min_replicas: int, max_replicas: int) -> Rollout:
    """Percents that take away no replica too many, whatever the desired count is.

    The exact ones depend on the count, and the scaler sets them with it. A deployment that changes the service brings
    these back, until the next tick puts the exact ones in their place. So they must be safe at each count: the highest
    share of healthy tasks that any count needs, and the highest share of surge, with which no count is stuck.
    """
    lowest, highest = max(1, min(min_replicas, MAX_TASKS)), max(1, min(max_replicas, MAX_TASKS))
    pairs = [rollout(strategy, count) for count in range(lowest, highest + 1)]
    maximum = max(pair.maximum_percent for pair in pairs)
    healthy = max(pair.minimum_healthy_percent for pair in pairs)
    # ECS refuses a pair with which nothing could ever be replaced.
    return Rollout(maximum, min(healthy, 99) if maximum <= 100 else healthy)
