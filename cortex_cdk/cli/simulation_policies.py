"""Whose decisions ``cortex-cdk simulate`` shows: the API's own settings, and the policies beside them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cortex_cdk.cli.errors import UserError
from cortex_cdk.cli.project_file import given_or_nearest, nearest, shown

if TYPE_CHECKING:
    from cortex_cdk.simulation.policies.base import ScalingPolicy
    from cortex_cdk.spec.model import ApiSpec, AutoscalingSpec

_OF_REPLICAS = ("workers_per_replica", "threads_per_worker", "max_replica_concurrency")
_BOUNDS = ("min_replicas", "max_replicas", "init_replicas")


@dataclass(frozen=True)
class Own:
    """An API's autoscaling, as its file and ``--set`` have it.

    Attributes:
        title: which API it is, of which file.
        section: the keys that are given, as they stand in a file.
        spec: what they come to.
    """

    title: str
    section: Mapping[str, Any]
    spec: AutoscalingSpec

    @cached_property
    def name(self) -> str:
        """``cortex`` with the default rules, the preset's name with those of a preset, else ``custom``."""
        names = (name for name in ("cortex", "responsive") if self.base(name).policy() == self.spec.policy())
        return next(names, "custom")

    def base(self, name: str) -> AutoscalingSpec:
        """The rules that go by a name, with this API's bounds and on its replicas."""
        from cortex_cdk.spec import autoscaling_of

        return self.spec if name == "custom" else autoscaling_of(**self._section(name))

    def changed(self, name: str, changes: Mapping[str, str], option: str) -> AutoscalingSpec:
        """``base(name)`` with other values for some keys.

        Raises:
            SpecError: with all problems of the values.
        """
        from cortex_cdk.spec.changed_autoscaling import changed_autoscaling

        return changed_autoscaling(self._section(name), changes, file=f"the settings of {name}", option=option)[1]

    def _section(self, name: str) -> dict[str, Any]:
        if name == "custom":
            return {**self.section}
        preset = {} if name == "cortex" else {"preset": name}
        return preset | {key: getattr(self.spec, key) for key in (*_BOUNDS, *_OF_REPLICAS)}


def own_settings(file: Path | None, api: str | None, settings: Sequence[str]) -> Own:
    """The autoscaling of the API that is asked for; all defaults where there is no ``cortex.yaml``.

    Args:
        file: the file or its folder; None for the nearest one.
        api: the name of the API; may be None when there is only one.
        settings: ``key=value`` each, as in ``--set``.

    Raises:
        UserError: when there is no such API, or a setting has another form.
        SpecError: with all problems of the file, or of the values.
    """
    from cortex_cdk.spec import load
    from cortex_cdk.spec.changed_autoscaling import changed_autoscaling

    changes = _changes(settings)
    path = given_or_nearest(file) if file is not None else nearest(Path.cwd())
    if path is None:
        if api is not None:
            raise UserError(f"--api {api}: there is no cortex.yaml here; name the file")
        return Own("none, all defaults" if not changes else "none", *changed_autoscaling({}, changes))
    path = shown(path)
    apis = {spec.name: spec for spec in load(path).apis}
    chosen = _chosen(apis, api, path)
    section = _written(path, chosen)
    return Own(f"{chosen.name} of {path}", *changed_autoscaling(section, changes, file=str(path)))


def compared(text: str, own: Own) -> list[str | ScalingPolicy]:
    """The API's own policy, and those that ``--compare`` names, each once.

    Raises:
        UserError: when there is no such policy of ours, or a setting of it has another form.
        SpecError: with all problems of a setting's value.
        ValueError: likewise.
    """
    from cortex_cdk.simulation.policies import NAMES
    from cortex_cdk.simulation.policies.cortex import Cortex

    found: dict[str, str | ScalingPolicy] = {own.name: Cortex(own.spec.policy(), own.name)}
    for name in _names(text):
        for each in NAMES if name == "all" else (name,):
            kind, colon, changes = (part.strip() for part in each.partition(":"))
            if kind not in ("cortex", "responsive", "custom"):
                found.setdefault(each, each)
            elif kind == "custom" and own.name != "custom":
                raise UserError(
                    f"--compare {each}: the API's settings are those of {own.name}: name that, or use --set"
                )
            elif colon and not changes:
                raise UserError(f"--compare {each}: nothing follows the colon")
            else:
                found.setdefault(each, _ours(own, each, kind, changes))
    return list(found.values())


def _ours(own: Own, text: str, kind: str, changes: str) -> ScalingPolicy:
    """One of our policies, changed by the keys of ``cortex.yaml`` or by the attributes of ``Policy``."""
    from cortex_cdk.autoscaling import Policy
    from cortex_cdk.simulation.policies.cortex import Cortex
    from cortex_cdk.simulation.policies.settings import Changes

    if not changes:
        return Cortex(own.base(kind).policy(), text)
    keys = [change.partition("=")[0].strip() for change in changes.split(",")]
    attributes = {field.name for field in dataclasses.fields(Policy)}
    if any(key in attributes and key.endswith("_s") for key in keys):
        return Cortex(Changes(changes, f"policy {text!r}").applied_to(own.base(kind).policy()), text)
    for key in keys:
        if key in _OF_REPLICAS:
            raise UserError(f"--compare {text}: {key} is the same for all policies; change it for all with --set")
    written = _changes([change.strip() for change in changes.split(",")], f"--compare {kind}:")
    return Cortex(own.changed(kind, written, f"--compare {kind}:").policy(), text)


def _names(text: str) -> Iterator[str]:
    """``a,b:x=1,y=2,c`` as ``a``, ``b:x=1,y=2`` and ``c``."""
    name = ""
    for part in (part.strip() for part in text.split(",")):
        if name and "=" in part and ":" not in part.partition("=")[0]:
            name += f",{part}"
            continue
        if name:
            yield name
        name = part
    if name:
        yield name


def _changes(settings: Sequence[str], option: str = "--set") -> dict[str, str]:
    found: dict[str, str] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        key = key.strip().removeprefix("autoscaling.")
        if not equals or not re.fullmatch(r"\w[\w-]*", key):
            raise UserError(
                f"{option} {setting}: write it as key=value, with a key of `autoscaling`, such as window=30s"
            )
        if key in found:
            raise UserError(f"{option} {setting}: {key} is given twice")
        found[key] = value.strip()
    return found


def _chosen(apis: Mapping[str, ApiSpec], name: str | None, path: Path) -> ApiSpec:
    if name is None and len(apis) > 1:
        raise UserError(f"{path} has several APIs; say which: --api {' or --api '.join(apis)}")
    if name is not None and name not in apis:
        raise UserError(f"{path} has no API {name}; it has {', '.join(apis)}")
    return apis[name] if name is not None else next(iter(apis.values()))


def _written(path: Path, api: ApiSpec) -> dict[str, Any]:
    """The section of an API as it stands in its file, which is valid."""
    from cortex_cdk.spec.yaml_document import read
    from cortex_cdk.spec.yaml_nodes import content_of, decode

    data = read(decode(content_of(path))).data
    return dict(next(entry for entry in data if entry["name"] == api.name).get("autoscaling", {}))
