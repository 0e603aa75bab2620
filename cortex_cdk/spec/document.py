"""Every key of ``cortex.yaml``, declared once: validation, JSON Schema, reference page and error texts come from here.

Descriptions are Markdown; defaults are written as a user would write them.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from cortex_cdk.autoscaling.count_or_percent import CountOrPercent
from cortex_cdk.spec.hints import OTHER_VERSIONS
from cortex_cdk.spec.kind import DerivedDefault, NotNull
from cortex_cdk.spec.kinds import Choice, JsonMap, Number, StringMap, Text, Whole
from cortex_cdk.spec.notations import Amount, Duration, Endpoint, Replicas
from cortex_cdk.spec.presets import PRESETS, with_preset
from cortex_cdk.spec.quantity import Quantity
from cortex_cdk.spec.sections import Format, Section, written
from cortex_runtime.settings import RESERVED

CONSOLE = "/_console"
"""The path of the page of ``cortex-cdk serve``. No endpoint can have it, so that what is served there can be deployed
and the other way round."""
ENDPOINT = Endpoint(reserved=(*RESERVED, CONSOLE))
_ENV_NAME = Text(
    "the name of an environment variable: not empty, without `=`, not beginning with CORTEX_", r"(?!CORTEX_)[^=\x00]+"
)
_OTHER_PREDICTORS = tuple(
    (other, f"`{other}` is not supported; only TensorFlow APIs are") for other in ("python", "onnx")
)


class Predictor(Section):
    """The user's code and the model it asks."""

    type: Annotated[Literal["tensorflow"], Choice(("tensorflow",), _OTHER_PREDICTORS)] = Field(
        description="The kind of predictor."
    )
    path: Annotated[str, Text("the path of a file below the folder of cortex.yaml")] = Field(
        description="The Python file that defines the class `TensorFlowPredictor`, relative to the folder of "
        "`cortex.yaml`; it must be below that folder.",
        examples=["predictor.py"],
    )
    model: Annotated[str, Text("s3://bucket/key, or the path of a local model")] = Field(
        description="The exported model, `s3://bucket/key`: a SavedModel folder (`saved_model.pb` and `variables/`), a "
        "folder of numbered versions (the highest number is taken), or a `.zip` of either. When serving locally, a "
        "local path is possible, too: absolute, or relative to the folder of `cortex.yaml`.",
        examples=["s3://my-bucket/my-model"],
    )
    signature_key: Annotated[str | None, Text()] = Field(
        default=None,
        validate_default=False,
        description="The signature of the model to use. Without it: the only one, else `predict`.",
        examples=["serving_default"],
    )
    config: Annotated[dict[str, Any], JsonMap()] = Field(
        default={}, description="Handed to the predictor's `__init__`.", examples=[{"labels": ["cat", "dog"]}]
    )
    python_path: Annotated[str, Text("the path of a folder below the folder of cortex.yaml")] = Field(
        default=".",
        description="A folder that is added to the import path, relative to the folder of `cortex.yaml`; by default, "
        "that folder.",
        examples=["src"],
    )
    env: Annotated[dict[str, str], StringMap(_ENV_NAME, Text("a string", r"[^\x00]*"))] = Field(
        default={},
        description="Environment variables of the predictor. Numbers and booleans need quotes.",
        examples=[{"MODE": "fast", "LIMIT": "10"}],
    )


class Tracker(Section):
    """What is counted of the predictions."""

    key: Annotated[str | None, Text()] = Field(
        default=None,
        validate_default=False,
        description="The key of the answer to track, needed when the answer is a JSON object.",
        examples=["label"],
    )
    model_type: Annotated[Literal["classification", "regression"], Choice(("classification", "regression"))] = Field(
        description="`classification` counts strings or integers by class; `regression` keeps count, minimum, maximum "
        "and mean of numbers."
    )


class Compute(Section):
    """What each replica asks for."""

    cpu: Annotated[Quantity, Amount("20m", "200m, 0.5 or 2", numbers=True)] = Field(
        default=written("200m"), description="CPU cores; `200m` is 0.2 of a core.", examples=[1, "500m"]
    )
    gpu: Annotated[int, Whole(0)] = Field(default=0, description="GPUs.")
    mem: Annotated[Quantity | None, Amount("20Mi", "512Mi, 4Gi or 8G")] = Field(
        default=None,
        validate_default=False,
        description="Memory in bytes, with a suffix: Ki, Mi, Gi, Ti (powers of 1024) or K, M, G, T (powers of 1000).",
        examples=["2Gi"],
    )


class Autoscaling(Section):
    """How many replicas there are, and how many requests each of them takes at once."""

    preset: Annotated[str | None, Choice(tuple(PRESETS))] = Field(
        default=None,
        validate_default=False,
        description="Other defaults for the keys below: "
        + "; ".join(f"`{name}` {preset.meaning}" for name, preset in PRESETS.items())
        + ".",
    )
    min_replicas: Annotated[int, Whole(1)] = Field(default=1, description="The smallest number of replicas.")
    max_replicas: Annotated[int, Whole(1)] = Field(default=100, description="The largest number of replicas.")
    init_replicas: Annotated[int | None, Whole(1), DerivedDefault("`min_replicas`")] = Field(
        default=None,
        validate_default=False,
        description="The number of replicas when the API is created; only used then.",
        examples=[2],
    )
    workers_per_replica: Annotated[int, Whole(1, 100)] = Field(
        default=1, description="Predictor processes in each replica."
    )
    threads_per_worker: Annotated[int, Whole(1)] = Field(
        default=1, description="Threads of each of them that call `predict`."
    )
    target_replica_concurrency: Annotated[
        float | None, Number(above=0), DerivedDefault("`workers_per_replica` x `threads_per_worker`")
    ] = Field(
        default=None,
        validate_default=False,
        description="The number of requests in flight per replica that the autoscaler aims at.",
        examples=[4],
    )
    max_replica_concurrency: Annotated[int, Whole(1, 65535)] = Field(
        default=1024,
        description="The number of requests in flight, running or queued, above which a replica answers 503.",
    )
    window: Annotated[timedelta, Duration("10s", multiple_of="10s")] = Field(
        default=written("60s"), description="The time over which the requests in flight are averaged."
    )
    upscale_window: Annotated[timedelta | None, Duration("10s", multiple_of="10s")] = Field(
        default=None,
        validate_default=False,
        description="A second, shorter window that only ever raises the count: the load is the greater of the two "
        "averages.",
        examples=["10s"],
    )
    queue_drain_period: Annotated[timedelta | None, Duration("1s")] = Field(
        default=None,
        validate_default=False,
        description="Counts queued requests only for the replicas that work them off within this time, beside those "
        "that the arriving requests take; by default each of them counts like one that runs.",
        examples=["30s"],
    )
    downscale_stabilization_period: Annotated[timedelta, Duration("0s")] = Field(
        default=written("5m"), description="The count never goes below the highest recommendation of this time."
    )
    upscale_stabilization_period: Annotated[timedelta, Duration("0s")] = Field(
        default=written("0s"), description="The count never goes above the lowest recommendation of this time."
    )
    max_downscale_factor: Annotated[float, Number(at_least=0, below=1)] = Field(
        default=0.5, description="The smallest share of the present count that one step down may leave."
    )
    max_upscale_factor: Annotated[float, Number(above=1)] = Field(
        default=10, description="The largest multiple of the present count that one step up may reach."
    )
    downscale_tolerance: Annotated[float, Number(at_least=0, below=1)] = Field(
        default=0.1, description="A recommendation within this share below the present count changes nothing."
    )
    upscale_tolerance: Annotated[float, Number(at_least=0)] = Field(
        default=0.1, description="A recommendation within this share above the present count changes nothing."
    )

    @model_validator(mode="before")
    @classmethod
    def _with_preset(cls, data: Any) -> Any:
        return with_preset(data)


class UpdateStrategy(Section):
    """How an update replaces replicas."""

    max_surge: Annotated[CountOrPercent, Replicas()] = Field(
        default=written("25%"),
        description="How many replicas an update may add to the desired ones; a percentage is rounded up.",
        examples=["50%", 2],
    )
    max_unavailable: Annotated[CountOrPercent, Replicas()] = Field(
        default=written("25%"),
        description="How many of the desired replicas an update may do without; a percentage is rounded down.",
        examples=["0%", 1],
    )


class Api(Section):
    """An entry of the list."""

    name: Annotated[
        str,
        Text(
            "lower-case letters, digits and `-`; begins with a letter, does not end with `-`; at most 42 characters",
            r"[a-z](?:[-a-z0-9]*[a-z0-9])?",
            max_length=42,
        ),
    ] = Field(description="The name of the API, unique in the file.", examples=["my-api"])
    endpoint: Annotated[str | None, ENDPOINT, DerivedDefault("`/<name>`")] = Field(
        default=None,
        validate_default=False,
        description="The path of its URL, unique in the file. A slash in front is added, one at the end dropped.",
        examples=["/v1/classify"],
    )
    predictor: Predictor
    tracker: Annotated[Tracker | None, NotNull()] = Field(default=None, validate_default=False)
    compute: Compute = Field(default=written({}))
    autoscaling: Autoscaling = Field(default=written({}))
    update_strategy: UpdateStrategy = Field(default=written({}))


FORMAT = Format("cortex.yaml", Api, is_list=True, root_name="the API itself", elsewhere=OTHER_VERSIONS)
