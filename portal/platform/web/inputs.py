"""Reading requests: JSON bodies and queries as validated models, and refusals that name each field."""

import json
from collections import Counter
from functools import cache
from typing import Any, get_origin

import orjson
from apiflask.schema_adapters.pydantic import PydanticAdapter
from flask import Request
from pydantic import BaseModel, TypeAdapter, ValidationError
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from portal.platform.documents import Document
from portal.platform.problems import InvalidInput
from portal.platform.schemas import Slug
from portal.platform.web.schema_errors import SLUG_WORDS, sentence_for

_SLUG: TypeAdapter[str] = TypeAdapter(Slug)


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
