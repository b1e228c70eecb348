"""Whatever text comes in has a longest form: in schemas, in forms, and in headers that are kept."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from typing import Any

import pytest
import wtforms
from flask.testing import FlaskClient
from flask_wtf import FlaskForm
from sqlalchemy import inspect, select, text
from sqlalchemy.orm import Session
from wtforms.fields.core import UnboundField
from wtforms.validators import Length

import portal
from portal.accounts.models import AuthSession
from portal.platform.schemas import Schema
from tests.factories.accounts import bearer, csrf, make_token, make_user

MOST = 4096
# What a browser may only choose from, or that is read as a number or a time and refused as anything else.
CHOSEN = (
    wtforms.BooleanField,
    wtforms.DateField,
    wtforms.DateTimeLocalField,
    wtforms.FieldList,
    wtforms.FileField,
    wtforms.IntegerField,
    wtforms.SelectField,
    wtforms.SelectMultipleField,
    wtforms.TimeField,
)
CODES = (
    *("products", "skus", "categories", "exclude_products", "exclude_skus", "exclude_categories"),
    *("channels", "currencies"),
)
# Limited by a rule of their own, as the tests below show.
OWN_RULE = {
    ("RegisterForm", "password"),
    ("ResetPasswordForm", "password"),
    *((form, name) for form in ("RuleForm", "NewRuleForm") for name in CODES),  # shown in tests/earning/test_console.py
    *(("BenefitForm", name) for name in ("kind", "label", "value")),  # shown in tests/tiers/test_console.py
}
NEVER_KEPT = "next"  # where to go on; `safe_next` takes 2,000 characters
PATTERN = re.compile(r"^\^\[[^]]+\]\{\d+,(\d+)\}\$$")


def load_everything() -> None:
    for module in pkgutil.walk_packages(portal.__path__, "portal."):
        if not module.name.startswith("portal.supervisor"):
            importlib.import_module(module.name)


def below(kind: type) -> Iterator[type]:
    for child in kind.__subclasses__():
        yield child
        yield from below(child)


def unlimited(node: Any, where: str) -> Iterator[str]:
    """The texts and lists of a JSON Schema without a longest form."""
    if isinstance(node, list):
        for item in node:
            yield from unlimited(item, where)
    elif isinstance(node, dict):
        if node.get("type") == "string" and not is_limited(node):
            yield where
        if node.get("type") == "array" and "maxItems" not in node and "$ref" not in node["items"]:
            yield f"{where}[]"
        for name, item in node.items():
            yield from unlimited(item, f"{where}.{name}" if name not in ("properties", "anyOf", "items") else where)


def is_limited(node: dict[str, Any]) -> bool:
    if {"enum", "const"} & set(node) or node.get("format") in ("date", "date-time"):
        return True
    counted = PATTERN.match(node.get("pattern", ""))
    return int(counted[1] if counted else node.get("maxLength", MOST + 1)) <= MOST


def fields() -> Iterator[tuple[type, str, Any]]:
    """Every field of every form in which somebody types."""
    for form in {*below(FlaskForm), *below(wtforms.Form)}:
        if form.__module__.startswith("portal."):
            for name in dir(form):
                field = getattr(form, name, None)
                if isinstance(field, UnboundField) and not issubclass(field.field_class, CHOSEN):
                    yield form, name, field


def test_every_text_of_every_request_schema_has_a_longest_form() -> None:
    load_everything()
    schemas = {schema for schema in below(Schema) if schema.__module__.startswith("portal.")}
    assert len(schemas) > 20
    found = {where for schema in schemas for where in unlimited(schema.model_json_schema(), schema.__name__)}
    assert found == set()


def test_every_text_field_of_every_form_has_a_longest_form() -> None:
    load_everything()
    typed = list(fields())
    assert len(typed) > 20
    found = set()
    for form, name, field in typed:
        validators = field.kwargs.get("validators") or (field.args[1] if len(field.args) > 1 else [])
        limited = any(isinstance(rule, Length) and 0 < rule.max <= MOST for rule in validators)
        if not limited and name != NEVER_KEPT and (form.__name__, name) not in OWN_RULE:
            found.add((form.__name__, name))
    assert found == set()


@pytest.mark.parametrize("field", ["name", "email", "password"])
def test_a_registration_with_a_text_without_end_is_refused(client: FlaskClient, session: Session, field: str) -> None:
    values = {"name": "Ada", "email": "ada@example.com", "password": "a quiet long river", "csrf_token": csrf(client)}
    values[field] = "x" * 5000 + ("@example.com" if field == "email" else "")
    assert client.post("/register", data=values).status_code == 422


def test_a_destination_without_end_is_not_gone_to(client: FlaskClient, session: Session) -> None:
    make_user(session, email="ada@example.com", password="a quiet long river")
    values = {"email": "ada@example.com", "password": "a quiet long river", "csrf_token": csrf(client)}
    answer = client.post("/login", data={**values, "next": "/" + "x" * 100_000})
    assert answer.status_code == 303
    assert len(answer.headers["Location"]) < 100


def test_headers_that_are_kept_are_cut_or_refused(client: FlaskClient, session: Session) -> None:
    user = make_user(session, email="ada@example.com", password="a quiet long river")
    values = {"email": "ada@example.com", "password": "a quiet long river", "csrf_token": csrf(client)}
    long = {"User-Agent": "x" * 100_000, "X-Request-Id": "x" * 100_000}
    answer = client.post("/login", data=values, headers=long, environ_overrides={"REMOTE_ADDR": "9" * 100_000})
    assert answer.status_code == 303
    assert len(answer.headers["X-Request-Id"]) == 26
    row = session.scalars(select(AuthSession).where(AuthSession.user_id == user.id)).one()
    assert (len(row.user_agent), len(row.address)) == (300, 64)
    token = make_token(session, "admin")
    body = {"points": 1, "reason": "x"}
    url = f"/api/v1/loyalty/members/{user.id}/adjustments"
    refused = client.post(url, json=body, headers={**bearer(token), "Idempotency-Key": "x" * 100_000})
    assert refused.status_code == 422


def test_failures_to_sign_in_keep_no_text_without_end(client: FlaskClient, session: Session) -> None:
    values = {"email": "x" * 250 + "@a", "password": "wrong", "csrf_token": csrf(client)}
    client.post("/login", data=values, environ_overrides={"REMOTE_ADDR": "9" * 100_000})
    client.post("/login", data={**values, "email": "x" * 100_000}, environ_overrides={"REMOTE_ADDR": "9.9.9.9"})
    columns = [column["name"] for column in inspect(session.connection()).get_columns("login_failures")]
    longest = session.scalar(text("SELECT max(length(concat_ws('', email, address))) FROM login_failures"))
    assert {"email", "address"} <= set(columns)
    assert longest is None or longest < 400
