"""Reads and checks a ``cortex.yaml`` with everything that it names, and reports all problems at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from cortex_cdk.spec import build, files, predictor_source, rules
from cortex_cdk.spec.document import ENDPOINT, Api, Section
from cortex_cdk.spec.kind import Invalid
from cortex_cdk.spec.model import Project
from cortex_cdk.spec.problem import Problem, SpecError
from cortex_cdk.spec.report import Report
from cortex_cdk.spec.yaml_document import UNREADABLE, Document, read
from cortex_cdk.spec.yaml_nodes import DocumentError, decode

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
    shown = str(path)
    try:
        absolute = Path(path).absolute()
        content = absolute.read_bytes()
    except OSError as error:
        return None, [Problem(shown, f"cannot be read: {error.strerror}", hint=_file_hint(Path(path), error))]
    except ValueError as error:  # a NUL in the path
        return None, [Problem(shown, f"cannot be read: {error}")]
    try:
        document = read(decode(content))
    except DocumentError as error:
        place = error.place
        line, column = (place.line, place.column) if place else (None, None)
        return None, [Problem(shown, error.message, line, column, hint=error.hint)]
    report = Report(shown, document)
    apis = _Checker(report, document, absolute.parent, allow_local_models).run()
    problems = report.problems()
    if problems:
        return None, problems
    return Project(absolute.parent, absolute, tuple(build.api_spec(api, absolute.parent) for api in apis)), []


def _file_hint(path: Path, error: OSError) -> str | None:
    if isinstance(error, IsADirectoryError):
        return f"name the file: {path / 'cortex.yaml'}"
    if isinstance(error, FileNotFoundError):
        return "run the command in the folder of cortex.yaml, or name the file"
    return None


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
            self._violation((index,), violation)
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
            self._section_rules(index, section, rule, data, bad)
        self._files(index, data.get("predictor"), bad)
        return api

    def _validate(self, index: int, data: dict[str, Any]) -> tuple[Api | None, set[tuple[str | int, ...]]]:
        """The API, or None; and the paths of what is wrong in it."""
        try:
            return Api.model_validate(data), set()
        except ValidationError as error:
            details = error.errors(include_url=False)
        predictor = data.get("predictor")
        not_tensorflow = isinstance(predictor, dict) and predictor.get("type") in _UNSUPPORTED
        bad = set()
        for detail in details:
            if detail["loc"] == ("predictor", "model") and detail["type"] == "missing" and not_tensorflow:
                continue  # the type is reported; the rest of the section follows other rules
            bad.add(self._report.add_error(index, detail))
        return None, bad

    def _section_rules(
        self,
        index: int,
        section: str,
        rule: Callable[[rules.Values], Iterator[rules.Violation]],
        data: dict[str, Any],
        bad: set[tuple[str | int, ...]],
    ) -> None:
        given = data.get(section, {})
        if not isinstance(given, dict):
            return
        model: type[Section] = Api.model_fields[section].annotation  # type: ignore[assignment]
        bad_keys = {path[1] for path in bad if len(path) > 1 and path[0] == section}
        for violation in rule(rules.Values(valid_values(model, given, bad_keys), given)):
            self._violation((index, section), violation)

    def _violation(self, path: tuple[str | int, ...], violation: rules.Violation) -> None:
        key = next((key for key in violation.keys if self._report.knows((*path, key))), violation.keys[0])
        self._report.add((*path, key), violation.message, hint=violation.hint)

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
            if not isinstance(text, str) or ("predictor", key) in bad:
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


def valid_values(model: type[BaseModel], given: dict[str, Any], bad: set[str | int]) -> dict[str, Any]:
    """The valid values of a section all of whose keys are optional, defaults included."""
    kept = {key: value for key, value in given.items() if key in model.model_fields and key not in bad}
    section = model.model_validate(kept)
    return {key: getattr(section, key) for key in model.model_fields if key not in bad}
