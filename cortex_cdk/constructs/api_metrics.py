"""CloudWatch metrics of an API, as its replicas and the scaler report them."""

from __future__ import annotations

from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from cortex_cdk.constructs.interfaces import ICluster
from cortex_cdk.spec.model import ApiSpec

_MINUTE = Duration.minutes(1)


class ApiMetrics:
    """``metric_...`` methods; each takes the options of ``cloudwatch.Metric``, such as ``statistic`` and ``period``."""

    spec: ApiSpec
    cluster: ICluster

    def metric(self, name: str, **options: Any) -> cloudwatch.Metric:
        """The metric ``name`` of this API."""
        return cloudwatch.Metric(
            namespace=self.cluster.scaler.metric_namespace,
            metric_name=name,
            dimensions_map={"Cluster": self.cluster.ecs_cluster.cluster_name, "Api": self.spec.name},
            **{"period": _MINUTE, **options},
        )

    def metric_in_flight(self, **options: Any) -> cloudwatch.Metric:
        """Requests in flight of one replica, sampled every second; the mean unless asked otherwise."""
        return self.metric("InFlight", **{"statistic": "Average", **options})

    def metric_in_flight_total(self, **options: Any) -> cloudwatch.Metric:
        """Requests in flight of all replicas, as the scaler sees them every 10 s."""
        return self.metric("InFlightTotal", **{"statistic": "Average", **options})

    def metric_latency(self, **options: Any) -> cloudwatch.Metric:
        """Milliseconds from a request's arrival at a replica to its answer; p95 unless asked otherwise."""
        return self.metric("Latency", **{"statistic": "p95", **options})

    def metric_queue_time(self, **options: Any) -> cloudwatch.Metric:
        """Milliseconds of that which a request waits for a worker; p95 unless asked otherwise."""
        return self.metric("QueueTime", **{"statistic": "p95", **options})

    def metric_requests(self, **options: Any) -> cloudwatch.Metric:
        """Answered requests."""
        return self.metric("Requests", **{"statistic": "Sum", **options})

    def metric_server_errors(self, **options: Any) -> cloudwatch.Metric:
        """Requests answered with a 5xx: the predictor failed, or the replica was full."""
        return self.metric("Requests5xx", **{"statistic": "Sum", **options})

    def metric_desired_replicas(self, **options: Any) -> cloudwatch.Metric:
        """Replicas that the scaler wants."""
        return self.metric("DesiredReplicas", **{"statistic": "Maximum", **options})

    def metric_running_replicas(self, **options: Any) -> cloudwatch.Metric:
        """Replicas that run."""
        return self.metric("RunningReplicas", **{"statistic": "Maximum", **options})
