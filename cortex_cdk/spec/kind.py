"""What a kind of value in ``cortex.yaml`` is: it checks a value, says what is allowed, and gives its JSON Schema.

Kinds are used as pydantic annotations: ``Annotated[float, Number(above=0)]``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from cortex_cdk.spec.yaml_document import UNREADABLE

# The types of the errors that are raised here, as pydantic lists them.
KIND = "kind"
REPORTED = "reported"
NULL_HINT = "remove the key or give it a value"


class Invalid(Exception):
    """A value is not allowed. ``message`` says why when "found ..., allowed ..." would not do."""

    def __init__(self, message: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Kind:
    """A kind of value: what it is called, what is allowed, and its JSON Schema."""

    type_name: str
    """What the reference calls the type."""

    @property
    def allowed(self) -> str:
        """What may stand there, as a phrase: ``a whole number, at least 1``."""
        raise NotImplementedError

    def json_schema(self) -> dict[str, Any]:
        """What of the rule JSON Schema can say."""
        raise NotImplementedError

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return self.json_schema()


class Single(Kind):
    """A kind of value that is checked as one."""

    def check(self, value: Any) -> Any:
        """The parsed value. ``value`` is never None.

        Raises:
            Invalid: when it is not allowed.
        """
        raise NotImplementedError

    def validator(self) -> CoreSchema:
        """The check, for pydantic."""
        return core_schema.no_info_plain_validator_function(self._validate)

    def _validate(self, value: Any) -> Any:
        if value is UNREADABLE:
            raise PydanticCustomError(REPORTED, "reported already")
        try:
            if value is None:
                raise Invalid("null is not allowed", NULL_HINT)
            return self.check(value)
        except Invalid as invalid:
            context = {"message": invalid.message, "allowed": self.allowed, "hint": invalid.hint}
            raise PydanticCustomError(KIND, "{allowed}", context) from None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return self.validator()


@dataclass(frozen=True)
class DerivedDefault:
    """Marks a key whose default follows from other keys: ``text`` says how."""

    text: str


class NotNull:
    """Makes an optional section one that may be left out, but not be null: ``Annotated[Tracker | None, NotNull()]``."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return handler.generate_schema(get_args(source)[0])


def quote_hint(value: Any) -> str | None:
    """What to do about a value that would be a string in quotes."""
    return "write it in quotes" if isinstance(value, bool | int | float) else None
