"""Request and answer schemas: strict pydantic models, one plain name each in the OpenAPI document."""

import json
from collections import Counter
from functools import cache
from typing import Annotated, Any, get_origin

import orjson
from apiflask.schema_adapters.pydantic import PydanticAdapter
from apiflask.schema_adapters.registry import registry
from flask import Request
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    TypeAdapter,
    ValidationError,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from portal.platform.clock import parse_moment
from portal.platform.documents import MAX_POINTS, Document
from portal.platform.problems import InvalidInput
from portal.platform.web.schema_errors import SLUG_WORDS, sentence_for

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
_SLUG: TypeAdapter[str] = TypeAdapter(Slug)


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


class StrictAdapter(PydanticAdapter):
    """Reads JSON bodies only as JSON, keeps repeated query keys, and reports fields by name."""

    def validate_input(self, request: Request, location: str, **kwargs: Any) -> BaseModel:
        """The validated model.

        :raises InvalidInput: if a field is not acceptable (422).
        """
        data = _json_object(request) if location == "json" else _query(request.args, self.model_class)
        try:
            return self.model_class.model_validate(data)
        except ValidationError as error:
            raise invalid(error) from error


def valid_slug(slug: str) -> str:
    """The slug in a path, checked.

    :raises InvalidInput: if it does not have the form of a slug.
    """
    try:
        return _SLUG.validate_python(slug)
    except ValidationError as error:
        raise InvalidInput(("slug", SLUG_WORDS)) from error


def invalid(error: ValidationError) -> InvalidInput:
    """The 422 answer that names each refused field."""
    return InvalidInput(*(_field_error(item) for item in error.errors(include_url=False)))


def _field_error(item: Any) -> tuple[str, str]:
    field = ".".join(str(part) for part in item["loc"]) or "body"
    return field, sentence_for(item["type"], item.get("ctx"), item.get("input"))


def _json_object(request: Request) -> Document:
    """The body, read strictly: no NaN, no lone surrogates, no unlimited nesting, no duplicate keys in an object."""
    if not request.is_json:
        raise UnsupportedMediaType("Send JSON with the content type application/json.")
    try:
        data = orjson.loads(request.get_data())
        _check_keys(request.get_data())
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"The body is not valid JSON: {error}") from error
    if not isinstance(data, dict):
        raise BadRequest("The body must be a JSON object.")
    return data


def _once_each(pairs: list[tuple[str, Any]]) -> None:
    if len({key for key, _ in pairs}) < len(pairs):
        counted = Counter(key for key, _ in pairs)
        raise ValueError(f"the key {counted.most_common(1)[0][0][:64]!r} comes twice in one object")


# orjson, which reads bodies, silently takes the last of duplicate keys. Numbers need no parsing here.
_KEYS = json.JSONDecoder(object_pairs_hook=_once_each, parse_int=len, parse_float=len)


def _check_keys(body: bytes) -> None:
    """Refuse a document in which an object has duplicate keys: two parsers could read it as two different requests.

    :raises ValueError: if an object has duplicate keys.
    """
    _KEYS.decode(body.decode())


def _query(args: MultiDict[str, str], model: type[BaseModel]) -> Document:
    many = _lists_of(model)
    return {key: values if key in many or len(values) > 1 else values[0] for key, values in args.lists()}


@cache
def _lists_of(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items() if get_origin(field.annotation) is list}


registry.register("pydantic", StrictAdapter)
