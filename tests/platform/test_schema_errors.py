"""What is wrong with a request is said in our words, whatever pydantic found."""

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

import portal
from portal.platform.schemas import Schema
from portal.platform.web.schema_errors import FALLBACK, SENTENCES, sentence_for
from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.loyalty import make_member

# What each kind of node in a schema may refuse a value for; a bound refuses by a kind of its own.
RAISES = {
    "str": ("string_type", "string_unicode"),
    "int": ("int_type", "int_parsing", "int_from_float", "int_parsing_size"),
    "float": ("float_type", "float_parsing", "finite_number"),
    "bool": ("bool_type", "bool_parsing"),
    "datetime": ("datetime_type", "datetime_parsing", "datetime_object_invalid", "timezone_aware"),
    "list": ("list_type",),
    "frozenset": ("frozen_set_type",),
    "dict": ("dict_type",),
    "enum": ("enum",),
    "literal": ("literal_error",),
    "model": ("model_type",),
    "model-fields": ("missing", "extra_forbidden", "model_attributes_type"),
    "function-before": ("value_error",),
    "function-after": ("value_error",),
    **dict.fromkeys(("nullable", "union", "default", "model-field", "any", "no-info", "with-info", "definitions"), ()),
    **dict.fromkeys(("definition-ref", "to-string", "function-plain", "function-wrap", "chain"), ()),
}
BOUNDS = {
    "ge": ("greater_than_equal",),
    "gt": ("greater_than",),
    "le": ("less_than_equal",),
    "lt": ("less_than",),
    "multiple_of": ("multiple_of",),
    "pattern": ("string_pattern_mismatch",),
    "min_length": ("string_too_short", "too_short"),
    "max_length": ("string_too_long", "too_long"),
}


def schemas(base: type[Schema] = Schema) -> Iterator[type[Schema]]:
    for module in pkgutil.walk_packages(portal.__path__, "portal."):
        if module.name.endswith("schemas"):
            importlib.import_module(module.name)
    for schema in base.__subclasses__():
        yield schema
        yield from schemas(schema)


def nodes(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        if isinstance(schema.get("type"), str):
            yield schema
        for name, value in schema.items():
            yield from () if name in ("metadata", "serialization") else nodes(value)
    elif isinstance(schema, list | tuple):
        for part in schema:
            yield from nodes(part)


def test_every_kind_of_error_that_our_schemas_raise_has_our_words() -> None:
    raised = set()
    for schema in schemas():
        for node in nodes(schema.__pydantic_core_schema__):
            assert node["type"] in RAISES, f"{schema.__name__}: what does {node['type']} refuse a value for?"
            raised |= {*RAISES[node["type"]], *(kind for bound in BOUNDS if bound in node for kind in BOUNDS[bound])}

    assert {"string_type", "int_type", "missing", "greater_than_equal", "value_error"} <= raised
    assert raised - set(SENTENCES) == set()


def test_what_nobody_thought_of_is_said_without_the_librarys_words() -> None:
    assert sentence_for("url_parsing", {"error": "relative URL without a base"}, "x") == FALLBACK


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("rewards/mug", {"name": "x" * 93, "pointsCost": 1}, "name: must have at most 80 characters"),
        ("rewards/mug", {"name": "x" * 81, "pointsCost": 1}, "name: must have at most 80 characters"),
        ("rewards/mug", {"name": "", "pointsCost": 1}, "name: must have at least 1 character"),
        ("rewards/mug", {"name": 5, "pointsCost": 1}, "name: must be text"),
        ("rewards/mug", {"name": "Mug"}, "pointsCost: is required"),
        ("rewards/mug", {"name": "Mug", "pointsCost": "many"}, "pointsCost: must be a whole number"),
        ("rewards/mug", {"name": "Mug", "pointsCost": 1.5}, "pointsCost: must be a whole number"),
        ("rewards/mug", {"name": "Mug", "pointsCost": 0}, "pointsCost: must be at least 1"),
        ("rewards/mug", {"name": "Mug", "pointsCost": 10**10}, "pointsCost: must be at most 1000000000"),
        ("rewards/mug", {"name": "Mug", "pointsCost": 1, "colour": "red"}, "colour: is not a known field"),
        ("rewards/mug", {"name": "Mug", "pointsCost": 1, "active": "maybe"}, "active: must be true or false"),
        ("rewards/mug", {"name": "Mug", "pointsCost": 1, "minTier": "A B"}, "minTier: must be lower-case letters and"),
        ("tiers/gold", {"name": "Gold", "threshold": 1, "benefits": {}}, "benefits: must be a list"),
        ("tiers/gold", {"name": "Gold", "threshold": 1, "benefits": [1]}, "benefits.0: must be an object"),
        ("tiers/gold", {"name": "Gold", "threshold": 1, "benefits": [{"kind": "x"}]}, "benefits.0.label: is required"),
    ],
)
def test_a_request_is_refused_in_our_words(
    client: FlaskClient, session: Session, path: str, body: dict[str, Any], said: str
) -> None:
    answer = client.put(f"/api/v1/loyalty/{path}", json=body, headers=bearer(make_token(session, "admin")))

    assert answer.status_code == 422
    assert said in answer.get_json()["detail"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("limit=0", "limit: must be at least 1"),
        ("limit=101", "limit: must be at most 100"),
        ("limit=1e3", "limit: must be a whole number"),
        ("limit=%D9%A3", "limit: must be a whole number"),
        ("types=nothing", "types.0: must be 'order'"),
        ("colour=red", "colour: is not a known field"),
    ],
)
def test_a_query_is_refused_in_our_words(client: FlaskClient, session: Session, query: str, said: str) -> None:
    make_member(session, make_user(session, id="ada"))
    headers = bearer(make_token(session, "member"), "ada")

    answer = client.get(f"/api/v1/loyalty/ledger?{query}", headers=headers)

    assert answer.status_code == 422
    assert said in answer.get_json()["detail"]


@pytest.mark.parametrize("address", ["nobody", "a@b@example.com", "a b@example.com", "@example.com", "a@-.com", ""])
def test_an_address_is_refused_in_our_words_whatever_is_wrong_with_it(
    client: FlaskClient, session: Session, address: str
) -> None:
    body = {"email": address, "name": "Ada"}

    answer = client.put("/api/v1/users/ada", json=body, headers=bearer(make_token(session, "admin")))

    assert answer.status_code == 422
    assert answer.get_json()["detail"] == "email: must be an email address, such as name@example.com"
