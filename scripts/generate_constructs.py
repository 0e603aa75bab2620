"""Writes docs/constructs.md from the signatures and docstrings of what ``cortex_cdk.constructs`` exports.

griffe reads the sources; nothing of them runs, so that a construct need not be made to be described.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import griffe
from griffe import Alias, Attribute, Class, DocstringSectionKind, ExprCall, ExprName, Function, Parameter, ParameterKind

import cortex_cdk.constructs

PACKAGE = "cortex_cdk.constructs"
PAGE = Path(__file__).resolve().parent.parent / "docs" / "constructs.md"

INTRODUCTION = """\
<!-- Made by scripts/generate_constructs.py from the docstrings in cortex_cdk/constructs. -->
# Constructs

What `app.py` deploys with, for stacks of your own. All of it is imported from `cortex_cdk.constructs`, for
example by an `app.py` beside `cortex.yaml`:

```python
{example}
```

What is wrong with the arguments is reported by `app.synth()`, all of it at once, with the paths of the constructs. In
types, `ec2`, `ecs`, `elbv2`, `iam`, `logs`, `s3` and `cloudwatch` are modules of `aws_cdk`.
"""
IMPLIED = {"scope", "id"}
"""Arguments that each construct has, and that mean the same everywhere."""

_CONSTRUCTS, _FUNCTIONS, _VALUES, _BASES, _INTERFACES = GROUPS = (
    "Constructs",
    "Functions",
    "Values",
    "Bases",
    "Interfaces",
)


class DocstringError(ValueError):
    """A docstring describes what is not there; the message says what and where."""


def main() -> None:
    """Write the page."""
    PAGE.write_text(constructs_markdown(), encoding="utf-8")


def constructs_markdown() -> str:
    """The page.

    Raises:
        DocstringError: when a docstring describes an argument or attribute that does not exist.
    """
    package = griffe.load(PACKAGE, resolve_aliases=True)
    assert isinstance(package, griffe.Module)
    members = {name: package[name].final_target for name in sorted(cortex_cdk.constructs.__all__)}
    grouped: dict[str, list[str]] = {group: [] for group in GROUPS}
    for name, member in members.items():
        grouped[_group(member)].append(name)
    parts = [INTRODUCTION.format(example=_example(package))]
    for group, names in grouped.items():
        if names:
            rows = [f"| [`{name}`](#{name.lower()}) | {_summary(members[name])} |" for name in names]
            parts.append(_table(f"| {group.lower()} | |", rows))
    for group, names in grouped.items():
        parts += [f"## {group}\n"] if names else []
        for name in names:
            member = members[name]
            parts += _of_class(member) if isinstance(member, Class) else _of_function(member)
    return _linked("\n".join(parts), set(members))


def _group(member: griffe.Object) -> str:
    if not isinstance(member, Class):
        return _FUNCTIONS
    bases = {str(base) for base in member.bases}
    if "Protocol" in bases:
        return _INTERFACES
    if "dataclass" in member.labels:
        return _VALUES
    return _BASES if member.name.endswith("Base") else _CONSTRUCTS


def _example(package: griffe.Object) -> str:
    """The code in the section ``Example`` of the package's docstring."""
    for section in _sections(package):
        if section.kind is DocstringSectionKind.admonition and section.value.annotation == "example":
            return str(section.value.description)
    raise DocstringError(f"{PACKAGE}: its docstring has no section `Example:`")


def _of_class(member: Class) -> Iterator[str]:
    yield f"### {member.name}\n"
    yield _prose(member)
    bases = [base for base in member.resolved_bases if isinstance(base, Class)]
    documented = [base for base in bases if base.name in cortex_cdk.constructs.__all__]
    if documented:
        yield f"It has what ``{'``, ``'.join(base.name for base in documented)}`` has, too.\n"
    arguments, attributes = list(_arguments(member)), list(_attributes(member, documented))
    meanings = _described(member, DocstringSectionKind.attributes)
    _check(member, meanings, [*arguments, *attributes])
    if _group(member) == _VALUES:  # what makes a value has the names of its attributes
        yield _table("| attribute | type | default | |", _argument_rows(arguments, meanings))
        attributes = [attribute for attribute in attributes if attribute.name not in meanings]
    elif _group(member) == _CONSTRUCTS:
        told = _described(member, DocstringSectionKind.parameters)
        _check(member, told, arguments)
        yield _table("| argument | type | default | |", _argument_rows(arguments, told))
    for base in bases:
        meanings = _described(base, DocstringSectionKind.attributes) | meanings
    if attributes:
        rows = [f"| `{a.name}` | {_code(_type(a))} | {_line(_meaning(a, meanings))} |" for a in attributes]
        yield _table("| attribute | type | |", rows)
    methods = list(_methods(member, documented))
    short = [method for method in methods if not _details(method)]
    if short:
        yield _table("| method | returns | |", [_method_row(method) for method in short])
    for method in methods:
        if method not in short:
            yield from _of_function(method, member.name)


def _of_function(function: griffe.Object, owner: str = "") -> Iterator[str]:
    assert isinstance(function, Function)
    yield f"#### {owner}.{function.name}\n" if owner else f"### {function.name}\n"
    yield f"```python\n{_signature(function)}\n```\n"
    yield _prose(function)
    yield from _details(function)


def _details(function: Function) -> list[str]:
    """What the sections of a function's docstring say."""
    described = _described(function, DocstringSectionKind.parameters)
    _check(function, described, function.parameters)
    parts = ["\n".join(f"- `{name}`: {_line(text)}" for name, text in described.items()) + "\n"] if described else []
    for section in _sections(function):
        if section.kind is DocstringSectionKind.returns:
            parts.append("Returns: " + " ".join(_line(item.description) for item in section.value) + "\n")
        elif section.kind is DocstringSectionKind.raises:
            parts += [f"Raises `{item.annotation}`: {_line(item.description)}\n" for item in section.value]
    return parts


def _check(member: griffe.Object, described: Iterable[str], there: Iterable[Parameter | Attribute]) -> None:
    missing = {*described} - {found.name for found in there}
    if missing:
        raise DocstringError(f"{member.path}: describes {', '.join(sorted(missing))}, which is not there")


def _arguments(member: Class) -> Iterator[Parameter]:
    for parameter in member.parameters:
        if parameter.name != "self" and parameter.name not in IMPLIED:
            yield parameter


def _attributes(member: Class, documented: Iterable[Class]) -> Iterator[Attribute]:
    """Public attributes and properties. Bases that the page has are left to it, except for narrower types."""
    shown_there = {name for base in documented for name in base.all_members}
    for name, found in _public(member):
        if not isinstance(found, Attribute):
            continue
        narrower = found.annotation is not None and "property" not in found.labels
        if name not in shown_there or (name in member.members and narrower):
            yield found


def _methods(member: Class, documented: Iterable[Class]) -> Iterator[Function]:
    shown_there = {name for base in documented for name in base.all_members}
    for name, found in _public(member):
        if isinstance(found, Function) and name not in shown_there:
            yield found


def _public(member: Class) -> Iterator[tuple[str, griffe.Object]]:
    for name, found in member.all_members.items():
        if not name.startswith("_"):
            yield name, found.final_target if isinstance(found, Alias) else found


def _argument_rows(arguments: Iterable[Parameter], described: dict[str, str]) -> Iterator[str]:
    for argument in arguments:
        variadic = argument.kind is ParameterKind.var_keyword
        default = "" if variadic else "required" if argument.required else _code(_value(argument))
        name = f"{'**' if variadic else ''}{argument.name}"
        text = _line(described.get(argument.name, ""))
        yield f"| `{name}` | {_code(str(argument.annotation))} | {default} | {text} |"


def _method_row(method: Function) -> str:
    names = []
    for parameter in method.parameters:
        if parameter.kind is ParameterKind.keyword_only and "*" not in names:
            names.append("*")
        variadic = parameter.kind is ParameterKind.var_keyword
        typed = parameter.annotation is not None and parameter.name not in IMPLIED and not variadic
        names.append(f"{'**' if variadic else ''}{parameter.name}{f': {parameter.annotation}' if typed else ''}")
    call = f"{method.name}({', '.join(name for name in names if name not in ('self', 'cls'))})"
    return f"| {_code(call)} | {_code(str(method.returns))} | {_line(_prose(method))} |"


def _table(head: str, rows: Iterable[str]) -> str:
    return "\n".join((head, "|---" * (head.count("|") - 1) + "|", *rows)) + "\n"


def _value(argument: Parameter) -> str:
    """An argument's default; that of a constant of this package rather than the constant's name."""
    default = argument.default
    if isinstance(default, ExprName) and isinstance(default.parent, griffe.Object):
        with suppress(KeyError):  # not of this package
            found = default.parent.modules_collection[default.canonical_path]
            return str(found.value) if isinstance(found, Attribute) else str(default)
    return str(default)


def _signature(function: Function) -> str:
    parts = []
    for decorator in ("staticmethod", "classmethod"):
        parts += [f"@{decorator}\n"] if decorator in function.labels else []
    return "".join(parts) + function.signature().replace("self, ", "").replace("(self)", "()")


def _type(attribute: Attribute) -> str:
    """As annotated, else what it is made of: an argument, a method's result, or a new object of a class."""
    value, owner = attribute.value, attribute.parent
    if attribute.annotation is not None:
        return str(attribute.annotation)
    assert isinstance(owner, Class)
    if isinstance(value, ExprName) and value.name in owner.parameters:
        return str(owner.parameters[value.name].annotation)
    if isinstance(value, ExprCall):
        method = owner.members.get(str(value.function).removeprefix("self."))
        return str(method.returns if isinstance(method, Function) else value.function)
    return ""


def _meaning(attribute: Attribute, described: dict[str, str]) -> str:
    return described.get(attribute.name) or (attribute.docstring.value if attribute.docstring else "")


def _described(member: griffe.Object, kind: DocstringSectionKind) -> dict[str, str]:
    """What a docstring's sections of a kind say of names; several may share a line."""
    return {
        name: item.description
        for section in _sections(member)
        if section.kind is kind
        for item in section.value
        for name in item.name.split(", ")
    }


def _prose(member: griffe.Object) -> str:
    texts = [section.value for section in _sections(member) if section.kind is DocstringSectionKind.text]
    return "\n\n".join(texts) + "\n"


def _summary(member: griffe.Object) -> str:
    """The first sentence."""
    return re.split(r"(?<=[.])\s", _line(_prose(member)), maxsplit=1)[0]


def _sections(member: griffe.Object) -> list[griffe.DocstringSection]:
    return member.docstring.parse("google", warnings=False) if member.docstring else []


def _line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _code(text: str) -> str:
    return f"`{text}`".replace("|", "\\|") if text else ""


def _linked(page: str, names: set[str]) -> str:
    """Docstrings' code as Markdown's, with links to what the page has."""

    def link(match: re.Match[str]) -> str:
        code = match[1]
        return f"[`{code}`](#{code.lower()})" if code in names else f"`{code}`"

    return re.sub(r"``([^`\n]+)``", link, page)


if __name__ == "__main__":
    main()
