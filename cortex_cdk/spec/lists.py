"""Lists in the files: of values, each checked and reported by itself, and of sections."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from cortex_cdk.spec.kind import KIND, NULL_HINT, REPORTED, Kind, Single
from cortex_cdk.spec.problem import show
from cortex_cdk.spec.yaml_document import UNREADABLE


@dataclass(frozen=True)
class _List(Kind):
    """A list; ``described`` says of what."""

    described: str
    at_least: int = 0
    type_name = "list"

    @property
    def allowed(self) -> str:
        return self.described + (f", at least {_NUMBERS.get(self.at_least, self.at_least)}" if self.at_least else "")

    def check(self, value: Any) -> Any:
        """The list itself, when it is one and long enough, and nothing in it is there twice."""
        if value is UNREADABLE:
            raise PydanticCustomError(REPORTED, "reported already")
        if value is None:
            raise self._error("null is not allowed", NULL_HINT)
        if not isinstance(value, list):
            raise self._error(None, f"write it as a list: [{value}]" if isinstance(value, str) else None)
        if len(value) < self.at_least:
            raise self._error("the list is empty" if not value else f"the list has {len(value)} of them", None)
        words = [item for item in value if isinstance(item, str)]
        if len({*words}) < len(words):
            twice = next(word for word, times in Counter(words).items() if times > 1)
            raise self._error(f"{show(twice)} is there twice", "remove one of them")
        return value

    def _error(self, message: str | None, hint: str | None) -> PydanticCustomError:
        return PydanticCustomError(KIND, "{allowed}", {"message": message, "allowed": self.allowed, "hint": hint})

    def _limits(self) -> dict[str, Any]:
        return {"minItems": self.at_least} if self.at_least else {}


_NUMBERS = {1: "one", 2: "two"}


@dataclass(frozen=True, kw_only=True)
class ListOf(_List):
    """A list of values of one kind."""

    items: Single

    def json_schema(self) -> dict[str, Any]:
        return {"type": "array", "items": self.items.json_schema(), "uniqueItems": True} | self._limits()

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(
            self.check, core_schema.list_schema(self.items.validator(), strict=True)
        )


@dataclass(frozen=True)
class ListOfSections(_List):
    """Marks a list of sections: ``Annotated[list[Group], ListOfSections("a list of groups", 1)]``."""

    def json_schema(self) -> dict[str, Any]:
        return {"type": "array"} | self._limits()

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(schema) | self._limits()
