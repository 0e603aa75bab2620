"""``cortex-cdk validate``: everything that can be known to be wrong before anything runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cortex_cdk.cli import output
from cortex_cdk.cli.project_file import given_or_nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cortex_cdk.models.check import CheckedModel
    from cortex_cdk.spec.cluster import ClusterSpec
    from cortex_cdk.spec.model import ApiSpec
    from cortex_cdk.spec.problem import Problem
    from cortex_runtime.tf_serving.signature import TensorInfo


def validate(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="cortex.yaml", help="The file, or its folder; the nearest one by default."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout, for programs.")] = False,
) -> None:
    """Check cortex.yaml and what it names, and cluster.yaml, without running anything.

    Looks at every key, the predictor files, the folders,
    and the layout and signatures of local models, not at models in S3.
    The cluster.yaml beside it is checked if there is one.
    All problems are reported at once, on stderr.

    Exit status: 0 valid, 1 problems, 2 wrong usage.

    \b
    Examples:
      cortex-cdk validate
      cortex-cdk validate my-api/cortex.yaml --json
    """
    from cortex_cdk.models.check import check_local_models
    from cortex_cdk.spec import both_files, cluster

    path = given_or_nearest(file)
    project, home, problems = both_files.check(path)
    models, model_problems = check_local_models(path)
    cluster_path = path.with_name(cluster.FILE)
    problems = sorted([*problems, *model_problems], key=lambda problem: _position(problem, path))
    apis = [_summary(api, models.get(api.name)) for api in project.apis] if project and not problems else []
    if as_json:
        document = {"ok": not problems, "problems": [problem.to_dict() for problem in problems], "apis": apis}
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
    elif problems:
        output.problems(problems)
    else:
        _show(path, apis)
        if home is not None and cluster_path.exists():
            _show_cluster(cluster_path, home)
    if problems:
        raise typer.Exit(1)


def _position(problem: Problem, path: Path) -> tuple[bool, str, int, int]:
    """Sorts the problems of ``path`` itself to the front, each file's by line and column."""
    return problem.file != str(path), problem.file, problem.line or 0, problem.column or 0


def _summary(api: ApiSpec, model: CheckedModel | None) -> dict[str, Any]:
    """What programs may want of a valid API. What is known of local models only is null for those in S3."""
    return {
        "name": api.name,
        "endpoint": api.endpoint,
        "model": api.predictor.model,
        "version": model.version if model else None,
        "signature_key": model.signature.key if model else api.predictor.signature_key,
        "inputs": _tensors(model.signature.inputs) if model else None,
        "outputs": _tensors(model.signature.outputs) if model else None,
    }


def _tensors(infos: Mapping[str, TensorInfo]) -> dict[str, dict[str, Any]]:
    return {name: {"dtype": info.dtype_name, "shape": info.shape} for name, info in infos.items()}


def _show(path: Path, apis: list[dict[str, Any]]) -> None:
    from rich.text import Text

    console = output.console()
    console.print(Text.assemble((f"{path} is valid", "green"), f": {len(apis)} API{'s' if len(apis) != 1 else ''}"))
    for api in apis:
        details = "in S3, not looked at"
        if api["version"] is not None:
            details = f"version {api['version']}, signature {api['signature_key']}"
        console.print(f"  {api['name']}: {api['endpoint']}, model {api['model']} ({details})")
        for part in ("inputs", "outputs"):
            for name, info in (api[part] or {}).items():
                shape = "of any rank" if info["shape"] is None else tuple(info["shape"])
                console.print(f"    {part[:-1]} {name}: {info['dtype']} {shape}")


def _show_cluster(path: Path, cluster: ClusterSpec) -> None:
    from rich.text import Text

    groups = ", ".join(f"{group.name} ({', '.join(group.instance_types)})" for group in cluster.instance_groups)
    many = "s" if len(cluster.instance_groups) != 1 else ""
    console = output.console()
    console.print(Text.assemble((f"{path} is valid", "green"), f": cluster {cluster.cluster_name}"))
    console.print(f"  instance group{many}: {groups}")
