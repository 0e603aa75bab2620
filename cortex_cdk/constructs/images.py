"""The three images of a replica. All are built where the app is deployed from, and pushed to the account's registry."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_ecs as ecs
from constructs import Construct

import cortex_runtime
from cortex_cdk.constructs import source_cut

_RUNTIME = Path(cortex_runtime.__file__).parent
_DOCKER = _RUNTIME / "docker"
_DEPENDENCIES = ("requirements.txt", "dependencies.sh")

TENSORFLOW_SERVING = "2.19.1"
"""The version of TensorFlow Serving that is used unless another is asked for."""

NEVER_IN_AN_IMAGE = (".git", ".venv", "venv", "__pycache__", "*.pyc", "cdk.out", "node_modules", ".env", ".aws")
"""Names in a project's folder that are left out of its image."""

CONFIGURATION = (
    *("cortex.yaml", "cluster.yaml", "cortex.schema.json", "cluster.schema.json"),
    *("cdk.json", "cdk.context.json"),
)
"""Files at the top of it that are left out, too. Replicas are told what they need of those; a new autoscaling policy
must not make a new image, which would replace them all."""


@dataclass(frozen=True, kw_only=True)
class ApiImage:
    """The image of ``api``, from a project's folder.

    Attributes:
        project: the folder of ``cortex.yaml``. Its ``requirements.txt`` and ``dependencies.sh`` are installed.
        variant: ``minimal``, or ``full`` with the packages that Cortex had pre-installed.
        base_image: a Debian with ``python3`` (3.11 or newer), its ``venv`` and ``bash``; None: Python's official image.
        exclude: names of files and folders, such as ``*.csv``, that the predictor does not need.
    """

    project: str | Path
    variant: Literal["minimal", "full"] = "minimal"
    base_image: str | None = None
    exclude: Sequence[str] = field(default=())

    def problems(self) -> list[str]:
        """What is wrong with it, in words."""
        folder = Path(self.project)
        return [] if folder.is_dir() else [f"project: there is no folder {folder}"]

    def bind(self, scope: Construct, id: str) -> ecs.ContainerImage:
        """The image, built from a copy of the project's folder as it is now."""
        arguments = {"VARIANT": self.variant} | ({"BASE_IMAGE": self.base_image} if self.base_image else {})
        with TemporaryDirectory(prefix="cortex-cdk-") as name:
            context = Path(name)
            shutil.copytree(_RUNTIME, context / "cortex_runtime", ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
            folder = Path(self.project)
            (context / "dependencies").mkdir()
            if folder.is_dir():
                ignored = shutil.ignore_patterns(*NEVER_IN_AN_IMAGE, *self.exclude)
                shutil.copytree(folder, context / "project", ignore=ignored)
            for file in CONFIGURATION:
                (context / "project" / file).unlink(missing_ok=True)
            for file in _DEPENDENCIES:
                if (folder / file).is_file():
                    shutil.copy(folder / file, context / "dependencies" / file)
            return _asset(scope, id, context, "cortex_runtime/docker/api.Dockerfile", arguments)


@dataclass(frozen=True, kw_only=True)
class ServingImage:
    """The image of ``serve``: TensorFlow Serving's own, by way of the account's registry.

    Attributes:
        version: a tag without ``-gpu``, which is added where an API has GPUs.
        digest: ``sha256:...`` of the image with this tag, for the kind of instance it is used on.
        base_image: another image with ``/usr/bin/tensorflow_model_server`` in it; then the others are not used.
    """

    version: str = TENSORFLOW_SERVING
    digest: str | None = None
    base_image: str | None = None

    def reference(self, *, gpu: bool) -> str:
        """What is pulled."""
        if self.base_image is not None:
            return self.base_image
        tag = f"tensorflow/serving:{self.version}{'-gpu' if gpu else ''}"
        return f"{tag}@{self.digest}" if self.digest else tag

    def bind(self, scope: Construct, id: str, *, gpu: bool) -> ecs.ContainerImage:
        """The image, for instances with GPUs or without."""
        with TemporaryDirectory(prefix="cortex-cdk-") as name:
            shutil.copy(_DOCKER / "serving.Dockerfile", name)
            return _asset(scope, id, Path(name), "serving.Dockerfile", {"BASE_IMAGE": self.reference(gpu=gpu)})


@dataclass(frozen=True, kw_only=True)
class DownloaderImage:
    """The image of ``downloader``, which fetches the model.

    Attributes:
        base_image: as in ``ApiImage``.
    """

    base_image: str | None = None

    def bind(self, scope: Construct, id: str) -> ecs.ContainerImage:
        """The image."""
        with source_cut.package_cut(source_cut.MODELS) as name:
            for file in ("downloader.Dockerfile", "downloader.txt"):
                shutil.copy(_DOCKER / file, name)
            arguments = {"BASE_IMAGE": self.base_image} if self.base_image else {}
            return _asset(scope, id, Path(name), "downloader.Dockerfile", arguments)


def _asset(scope: Construct, id: str, context: Path, dockerfile: str, arguments: dict[str, str]) -> ecs.ContainerImage:
    asset = ecr_assets.DockerImageAsset(
        scope,
        id,
        directory=str(context),
        file=dockerfile,
        build_args=arguments,
        platform=ecr_assets.Platform.LINUX_AMD64,
    )
    return ecs.ContainerImage.from_docker_image_asset(asset)
