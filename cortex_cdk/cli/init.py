"""``cortex-cdk init``: a project that serves at once, and can be deployed."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from typing import Annotated

import typer

from cortex_cdk.cli import output
from cortex_cdk.cli.errors import UserError
from cortex_cdk.cli.project_file import NAME
from cortex_cdk.cli.schema import SchemaOf, schema_text

EXAMPLE = "iris-classifier"
README = "README.md"
SCHEMA_FILES = {SchemaOf.CORTEX: "cortex.schema.json", SchemaOf.CLUSTER: "cluster.schema.json"}
SCHEMA_LINE = "# yaml-language-server: $schema={}\n"
# Shipped in the package; in a checkout they are elsewhere.
DEPLOYMENT = {"app.py": "app.py", "cdk.json": "cdk.json", SchemaOf.CLUSTER.value: "examples/cluster.yaml"}


def init(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of the API and of the new folder.")],
) -> None:
    """Make a project that serves at once: a small model of iris flowers behind a predictor.

    It holds cortex.yaml, predictor.py, the model, and sample.json to send to it; for AWS also cluster.yaml, app.py and
    cdk.json. Nothing that exists is overwritten.

    \b
    Example:
      cortex-cdk init my-api
    """
    _check_name(name)
    folder = Path(name)
    contents = _contents(name)
    taken = sorted(file for file in contents if (folder / file).exists() or (folder / file).is_symlink())
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} exists and is not a folder; choose another name")
    if taken:
        shown = ", ".join(taken[:5]) + (f" and {len(taken) - 5} more" if len(taken) > 5 else "")
        raise UserError(f"{folder}/ already has {shown}; choose another name, or move them away")
    try:
        for file, content in contents.items():
            target = folder / file
            target.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, Path):
                shutil.copyfile(content, target)
            else:
                target.write_text(content, encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write {error.filename or folder}: {error.strerror}") from None
    _show_next_steps(folder, name)


def example_folder() -> Path:
    """The example project that is copied: in an installed package it is inside it, in a checkout beside it."""
    package = Path(__file__).parents[1]
    places = (package / "_examples" / EXAMPLE, package.parent / "examples" / EXAMPLE)
    return next((place for place in places if (place / NAME).is_file()), places[0])


def _shipped(file: str) -> Path:
    """A file of ``DEPLOYMENT``: in an installed package it is inside it."""
    package = Path(__file__).parents[1]
    inside = package / "_examples" / file
    return inside if inside.is_file() else package.parent / DEPLOYMENT[file]


def _check_name(name: str) -> None:
    from cortex_cdk.spec.document import FORMAT
    from cortex_cdk.spec.kind import Invalid, Single

    kind = FORMAT.kind_of(("name",))
    assert isinstance(kind, Single)
    try:
        kind.check(name)
    except Invalid:
        raise UserError(f"{name!r} cannot be the name of an API; allowed: {kind.allowed}") from None


def _contents(name: str) -> dict[str, Path | str]:
    """The files of the new project, by their path in it: files to copy, or text."""
    example = example_folder()
    files: dict[str, Path | str] = {
        file.relative_to(example).as_posix(): file
        for file in sorted(example.rglob("*"))
        if file.is_file() and "__pycache__" not in file.parts and not file.name.startswith(".")
    }
    files |= {file: _shipped(file) for file in DEPLOYMENT}
    text = (example / NAME).read_text(encoding="utf-8")
    text = re.sub(r"\A#[^\n]*\$schema=[^\n]*\n", "", text)
    text = re.sub(rf"^(- name: ){EXAMPLE}$", rf"\g<1>{name}", text, flags=re.MULTILINE)
    texts = {SchemaOf.CORTEX: text, SchemaOf.CLUSTER: _shipped(SchemaOf.CLUSTER.value).read_text(encoding="utf-8")}
    for of, text in texts.items():
        files |= {of.value: SCHEMA_LINE.format(SCHEMA_FILES[of]) + text, SCHEMA_FILES[of]: schema_text(of)}
    if README in files:
        text = (example / README).read_text(encoding="utf-8")
        files[README] = text.replace(f":8080/{EXAMPLE}", f":8080/{name}")
    return files


def _show_next_steps(folder: Path, name: str) -> None:
    from rich.text import Text

    console = output.console()
    console.print(Text.assemble(("made ", "green"), f"{folder}/\n\nServe it:\n"))
    enter = f"  cd {shlex.quote(str(folder))}\n"
    console.print(f"{enter}  cortex-cdk serve\n\nThen ask it, in another terminal:\n")
    console.print(f"{enter}  cortex-cdk predict {name}\n")
    console.print("For AWS, see cluster.yaml; app.py and cdk.json are for `cdk deploy --all`.")
