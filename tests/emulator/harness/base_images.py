"""The images with which the project's Dockerfiles begin, made here since no registry can be asked.

They carry the registries' names, in a storage that nothing else uses: so the project is built as it is.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from importlib.metadata import version
from pathlib import Path

from tests.emulator.harness import machine, podman

SUITE = "bookworm"
PYTHON = "public.ecr.aws/docker/library/python:3.13-slim-bookworm"
"""Named so by the Dockerfiles; in truth Debian's own Python 3.11, the oldest that the runtime takes."""

SERVING = "docker.io/tensorflow/serving:2.19.1"
"""What ``constructs.images.ServingImage`` is by default; in truth the project's model server, with its flags."""

_TENSORFLOW = ("tensorflow-cpu", "grpcio", "ml-dtypes", "numpy", "protobuf")
_OTHERS = ("msgspec", "orjson")
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_DOCKERFILE = """\
ARG BASE_IMAGE
FROM ${BASE_IMAGE}
ARG TENSORFLOW
RUN python3 -m venv /opt/model-server && /opt/model-server/bin/python -m pip install --no-cache-dir ${TENSORFLOW}
ARG OTHERS
RUN /opt/model-server/bin/python -m pip install --no-cache-dir ${OTHERS}
COPY tensorflow_model_server /usr/bin/
COPY cortex_cdk/ /opt/model-server/source/cortex_cdk/
COPY cortex_runtime/ /opt/model-server/source/cortex_runtime/
RUN /opt/model-server/bin/python -m compileall -q /opt/model-server/source
ENV PYTHONPATH=/opt/model-server/source PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
"""


def make() -> None:
    """Make those that are missing, or older than their sources."""
    if not podman.has_image(PYTHON):
        _make_python()
    _make_serving()


def _make_python() -> None:
    with tempfile.TemporaryDirectory(prefix="cortex-emulator-", dir=machine.HOME) as name:
        root = Path(name) / "root"
        packages = "python3,python3-venv,ca-certificates"
        with (machine.HOME / "debootstrap.log").open("wb") as log:
            subprocess.run(
                ["debootstrap", "--variant=minbase", f"--include={packages}", SUITE, str(root)],
                check=True,
                stdout=log,
                stderr=log,
            )
        for pattern in ("var/cache/apt/archives/*.deb", "var/lib/apt/lists/*_*"):
            for file in root.glob(pattern):
                file.unlink()
        # What the machine trusts, where it reaches package registries by way of a proxy.
        shutil.copyfile(_CERTIFICATES, root / _CERTIFICATES.relative_to("/"))
        (root / "etc/pip.conf").write_text(f"[global]\ncert = {_CERTIFICATES}\n")
        archive = Path(name) / "root.tar"
        subprocess.run(["tar", "--create", "--file", str(archive), "--directory", str(root), "."], check=True)
        podman.run("import", str(archive), PYTHON)


def _make_serving() -> None:
    with tempfile.TemporaryDirectory(prefix="cortex-emulator-", dir=machine.HOME) as name:
        context = Path(name)
        (context / "Dockerfile").write_text(_DOCKERFILE)
        server = context / "tensorflow_model_server"
        shutil.copyfile(Path(__file__).parents[1] / "tensorflow_model_server.py", server)
        server.chmod(0o755)
        for source in ("cortex_cdk", "runtime/cortex_runtime"):
            shutil.copytree(
                machine.ROOT / source,
                context / Path(source).name,
                ignore=shutil.ignore_patterns("__pycache__", "constructs", "simulation", "docker"),
            )
        podman.run(
            *("build", "--network=host", "--build-arg", f"BASE_IMAGE={PYTHON}"),
            *("--build-arg", f"TENSORFLOW={_pinned(_TENSORFLOW)}", "--build-arg", f"OTHERS={_pinned(_OTHERS)}"),
            *("--tag", SERVING, str(context)),
        )


def _pinned(packages: tuple[str, ...]) -> str:
    """What to install, in the versions of the environment that runs the tests."""
    return " ".join(f"{package}=={version(package)}" for package in packages)
