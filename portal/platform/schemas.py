"""Shapes of what comes in and goes out: strict pydantic models and the types of their fields. They know no HTTP."""

from typing import Annotated, Any

import orjson
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from portal.platform.clock import parse_moment
from portal.platform.documents import MAX_POINTS, Document

METADATA_BYTES = 4096
METADATA_DEPTH = 16
Points = Annotated[int, Field(strict=True, ge=1, le=MAX_POINTS)]
SLUG_PATTERN = r"^[a-z0-9]+(?:[-_][a-z0-9]+)*$"
Slug = Annotated[str, Field(pattern=SLUG_PATTERN, max_length=64)]
Ulid = Annotated[
    str, Field(pattern="^[0-7][0-9A-HJKMNP-TV-Z]{25}$", description="A ULID.", examples=["01HR4J9Q8Z3V5K7M2N6P0X1Y4B"])
]
"""The id of an object, in answers: 26 characters, ordered by time (CONTRACT 1)."""


def _moment(value: object) -> object:
    return parse_moment(value if isinstance(value, str) else "")


Moment = Annotated[AwareDatetime, BeforeValidator(_moment)]


def no_nul(value: object) -> object:
    """The value; a text with NUL, which PostgreSQL cannot store, is refused."""
    if isinstance(value, str) and "\x00" in value:
        raise ValueError("must not contain NUL characters")
    return value


def Text(longest: int, shortest: int = 1) -> Any:
    """A trimmed text of `shortest` to `longest` characters, without NUL."""
    return Annotated[str, BeforeValidator(no_nul), Field(min_length=shortest, max_length=longest)]


def _deeper_than(levels: int, value: object) -> bool:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels < 0 or any(_deeper_than(levels - 1, item) for item in inside)


def _storable(value: Document) -> Document:
    if _deeper_than(METADATA_DEPTH, value):
        raise ValueError(f"must not be nested more than {METADATA_DEPTH} deep")
    encoded = orjson.dumps(value)
    if len(encoded) > METADATA_BYTES:
        raise ValueError(f"must not be larger than {METADATA_BYTES} bytes")
    if b"\\u0000" in encoded:
        raise ValueError("must not contain NUL characters")
    return value


Reference = Annotated[str, BeforeValidator(no_nul), Field(pattern=r"^[A-Za-z0-9._:@#-]{1,128}$", max_length=128)]
"""What a shop calls an order, a line, a refund or an event."""
Metadata = Annotated[Document, AfterValidator(_storable), Field(default_factory=dict)]


class Schema(BaseModel):
    """Base of every schema: camelCase outside, snake_case inside, unknown keys refused."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", str_strip_whitespace=True
    )

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """The schema without `default: null`.

        A field that is left out does not always mean null, and generated clients send the defaults they read.
        """
        document = handler(core_schema)
        for described in handler.resolve_ref_schema(document).get("properties", {}).values():
            if "default" in described and described["default"] is None:
                del described["default"]
        return document


class Page(Schema):
    """Query of a list: how many, and from where."""

    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = Field(None, max_length=2000)


class Answer(BaseModel):
    """Base of every answer schema."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


Timestamp = AwareDatetime
