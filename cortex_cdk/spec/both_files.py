"""``cortex.yaml`` and the ``cluster.yaml`` beside it: each by itself, and what each says of the other."""

from __future__ import annotations

from pathlib import Path

from cortex_cdk.spec import checker, cluster
from cortex_cdk.spec.cluster.model import ClusterSpec
from cortex_cdk.spec.document import FORMAT
from cortex_cdk.spec.model import Project
from cortex_cdk.spec.problem import Problem, SpecError
from cortex_cdk.spec.source import read_file


def load(path: str | Path, *, allow_local_models: bool = True) -> tuple[Project, ClusterSpec]:
    """The project of a ``cortex.yaml``, and its cluster.

    Raises:
        SpecError: with all problems of both files, when there are any; see ``check``.
    """
    project, home, problems = check(path, allow_local_models=allow_local_models)
    if project is None or home is None:
        raise SpecError(problems)
    return project, home


def check(
    path: str | Path, *, allow_local_models: bool = True
) -> tuple[Project | None, ClusterSpec | None, list[Problem]]:
    """Check a ``cortex.yaml`` with everything that it names, and the ``cluster.yaml`` beside it.

    Args:
        path: of ``cortex.yaml``; the other file may be absent.
        allow_local_models: whether ``predictor.model`` may be a local path, as when serving locally.

    Returns:
        The project and the cluster, each None when there are problems in its file; and all problems, those of
        ``cortex.yaml`` and of what it names first.
    """
    project, problems = checker.check(path, allow_local_models=allow_local_models)
    names = [api.name for api in project.apis] if project else _names(path)
    home, more = cluster.check(Path(path).with_name(cluster.FILE), apis=names)
    return project, home, [*problems, *more]


def _names(path: str | Path) -> list[str] | None:
    """The names of the APIs of a file in which something is wrong; None unless there are APIs and each has one."""
    try:
        document = read_file(Path(path), FORMAT.file)
    except SpecError:
        return None
    apis = document.data if document and isinstance(document.data, list) else ()
    names = [name for api in apis if isinstance(api, dict) and isinstance(name := api.get("name"), str)]
    return names if names and len(names) == len(apis) else None
