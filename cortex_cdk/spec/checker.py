"""Reads and checks a ``cortex.yaml`` with everything that it names, and reports all problems at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cortex_cdk.spec import build, files, predictor_source, rules
from cortex_cdk.spec.document import ENDPOINT, FORMAT, Api
from cortex_cdk.spec.kind import Invalid
from cortex_cdk.spec.model import Project
from cortex_cdk.spec.problem import Problem, SpecError
from cortex_cdk.spec.report import Report
from cortex_cdk.spec.section_check import check_rule, errors_of
from cortex_cdk.spec.source import read_file
from cortex_cdk.spec.yaml_document import UNREADABLE, Document

_UNSUPPORTED = ("python", "onnx")


def load(path: str | Path, *, allow_local_models: bool = True) -> Project:
    """The project of a ``cortex.yaml``.

    Raises:
        SpecError: with all problems, when there are any; see ``check``.
    """
    project, problems = check(path, allow_local_models=allow_local_models)
    if project is None:
        raise SpecError(problems)
    return project


def check(path: str | Path, *, allow_local_models: bool = True) -> tuple[Project | None, list[Problem]]:
    """Check a ``cortex.yaml`` and the files that it names: predictor files (without running them) and folders.

    Whether a local model exists is not looked at, nor is S3.

    Args:
        path: the file.
        allow_local_models: whether ``predictor.model`` may be a local path, as when serving locally.

    Returns:
        The project, or None when there are problems; and all problems, in the order of the file, those in other
        files after them.
    """
    try:
        document = read_file(Path(path), FORMAT.file)
    except SpecError as error:
        return None, list(error.problems)
    if document is None:
        hint = "it must hold a list of APIs: `- name: my-api` and so on"
        return None, [Problem(str(path), "the file is empty", hint=hint)]
    absolute = Path(path).absolute()
    report = Report(str(path), document, FORMAT)
    apis = _Checker(report, document, absolute.parent, allow_local_models).run()
    problems = report.problems()
    if problems:
        return None, problems
    return Project(absolute.parent, absolute, tuple(build.api_spec(api, absolute.parent) for api in apis)), []


class _Checker:
    """One run over one document."""

    def __init__(self, report: Report, document: Document, folder: Path, allow_local_models: bool) -> None:
        self._report = report
        self._data = document.data
        self._folder = folder
        self._allow_local_models = allow_local_models

    def run(self) -> list[Api]:
        """The valid APIs; all of them when the report stays empty."""
        if self._data is UNREADABLE:
            return []
        if not isinstance(self._data, list):
            hint = "begin each API with `- `, as in `- name: my-api`" if isinstance(self._data, dict) else None
            self._report.add((), self._report.found(()), allowed="a list of APIs", hint=hint)
            return []
        if not self._data:
            self._report.add((), "the list of APIs is empty", hint="add an API: `- name: my-api` and so on")
        apis = [api for index in range(len(self._data)) if (api := self._api(index)) is not None]
        for index, violation in rules.unique([*self._identities()]):
            self._report.add_violation((index,), violation)
        return apis

    def _api(self, index: int) -> Api | None:
        data = self._data[index]
        if data is UNREADABLE:
            return None
        if not isinstance(data, dict):
            self._report.add((index,), self._report.found((index,)), allowed="a map with the keys of an API")
            return None
        api, bad = self._validate(index, data)
        for section, rule in rules.SECTION_RULES.items():
            path = (index, section)
            check_rule(self._report, rule, path, FORMAT.sections[section], data.get(section, {}), bad)
        self._files(index, data.get("predictor"), bad)
        return api

    def _validate(self, index: int, data: dict[str, Any]) -> tuple[Api | None, set[tuple[str | int, ...]]]:
        """The API, or None; and where in the file something is wrong with it."""
        api, details = errors_of(Api, data)
        predictor = data.get("predictor")
        not_tensorflow = isinstance(predictor, dict) and predictor.get("type") in _UNSUPPORTED
        bad = set()
        for detail in details:
            if detail["loc"] == ("predictor", "model") and detail["type"] == "missing" and not_tensorflow:
                continue  # the type is reported; the rest of the section follows other rules
            bad.add((index, *self._report.add_error((index,), detail)))
        return api, bad

    def _identities(self) -> Iterator[rules.Identity]:
        for index, data in enumerate(self._data):
            if not isinstance(data, dict):
                continue
            name = data.get("name")
            name = name if isinstance(name, str) else None
            given = "endpoint" in data
            endpoint = f"/{name}" if name and not given else None
            if given:
                try:
                    endpoint = ENDPOINT.check(data["endpoint"])
                except Invalid:
                    endpoint = None
            yield rules.Identity(index, name, endpoint, given)

    def _files(self, index: int, predictor: Any, bad: set[tuple[str | int, ...]]) -> None:
        """What the predictor's paths name, as far as they are strings."""
        if not isinstance(predictor, dict):
            return

        def look(key: str, find: Callable[[Path, str], Any]) -> Any:
            text = predictor.get(key)
            if not isinstance(text, str) or (index, "predictor", key) in bad:
                return None
            try:
                return find(self._folder, text)
            except files.BadPath as error:
                path = (index, "predictor", key)
                message = f"{self._report.found(path)}: {error.message}"
                self._report.add(path, message, allowed=error.allowed or self._report.allowed(path), hint=error.hint)
                return None

        look("python_path", files.python_path)
        source = look("path", files.predictor_file)
        if predictor.get("type") in _UNSUPPORTED:
            return
        look("model", lambda folder, text: files.model_location(folder, text, allow_local=self._allow_local_models))
        if source is not None:
            shown = Path(self._report.file).parent / files.normal(predictor["path"])
            for problem in predictor_source.check(source, api=self._report.api_name(index), shown_as=str(shown)):
                self._report.add_foreign(problem)
