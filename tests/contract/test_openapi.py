"""The OpenAPI document: valid, complete, and true about refusals."""

import json
import re

import pytest
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from schemathesis.openapi import from_dict

from tests.contract.document import Document

PROMISED = [
    ("PUT", "/api/v1/users/{user_id}"),
    ("PUT", "/api/v1/loyalty/tiers/{slug}"),
    ("PUT", "/api/v1/loyalty/rewards/{slug}"),
    ("GET", "/api/v1/loyalty/tiers"),
    ("GET", "/api/v1/loyalty/rewards"),
    ("GET", "/api/v1/loyalty/members/{user_id}"),
    ("POST", "/api/v1/loyalty/members/{user_id}/adjustments"),
    ("GET", "/api/v1/loyalty/ledger"),
    ("GET", "/api/v1/loyalty/redemptions"),
    ("POST", "/api/v1/loyalty/members/{user_id}/redemptions"),
    ("POST", "/api/v1/loyalty/redemptions/{redemption_id}/fulfill"),
    ("POST", "/api/v1/loyalty/redemptions/{redemption_id}/fail"),
    ("POST", "/api/v1/loyalty/redemptions/{redemption_id}/cancel"),
]
PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


def test_the_document_is_open_json_of_version_31(client: FlaskClient) -> None:
    answer = client.get("/api/v1/openapi.json")
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert answer.get_json()["openapi"].startswith("3.1")


def test_readable_docs_are_served(client: FlaskClient) -> None:
    answer = client.get("/api/docs")
    assert answer.status_code == 200
    assert "/api/v1/loyalty/ledger" in answer.get_data(as_text=True) or "openapi.json" in answer.get_data(as_text=True)


def test_readable_docs_stand_in_order_and_say_something_of_every_field(client: FlaskClient) -> None:
    page = client.get("/api/docs").text
    routes = re.findall(r'<section id="\w+-(/[^"]+)"', page)
    assert routes == sorted(routes)
    assert page.count("<dt>") == page.count("<dd>") > 0
    assert page.index("<h2") < page.index("<h3")


def test_schemathesis_reads_every_operation(document: Document) -> None:
    found = list(from_dict(document.content).get_all_operations())
    assert len(found) == len(document.operations())
    assert [item for item in found if not hasattr(item, "ok")] == []


def test_every_promised_endpoint_is_described(document: Document) -> None:
    described = {(method, re.sub(r"{\w+}", "{}", path)) for method, path, _ in document.operations()}
    assert {(method, re.sub(r"{\w+}", "{}", path)) for method, path in PROMISED} <= described


def test_every_schema_is_a_json_schema_under_a_plain_name(document: Document) -> None:
    for name, schema in document.content["components"]["schemas"].items():
        assert re.fullmatch(r"[A-Z][A-Za-z]*", name), name
        Draft202012Validator.check_schema(schema)


def test_every_reference_leads_somewhere(document: Document) -> None:
    for reference in re.findall(r'"\$ref": "([^"]+)"', json.dumps(document.content)):
        found = document.content
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
        assert found


def test_every_operation_has_a_summary_of_its_own(document: Document) -> None:
    summaries = [operation.get("summary") for _, _, operation in document.operations()]
    assert all(summaries)
    assert len(set(summaries)) == len(summaries)


def test_every_refusal_is_described_as_a_problem(document: Document) -> None:
    wrong = [
        (method, path, status)
        for method, path, operation in document.operations()
        for status, response in operation["responses"].items()
        if status not in ("200", "201", "202", "304") and response.get("content") != PROBLEM
    ]
    assert wrong == []


def test_an_upsert_is_described_with_201_and_200(document: Document) -> None:
    for method, path, operation in document.operations():
        if method == "PUT":
            assert {"200", "201"} <= set(operation["responses"]), path


def test_the_headers_of_the_conventions_are_described(document: Document) -> None:
    for method, path, operation in document.operations():
        parameters = {item["name"] for item in operation.get("parameters", []) if item["in"] == "header"}
        if method == "POST":
            assert "Idempotency-Key" in parameters, path
        if path.endswith(("/ledger", "/loyalty/redemptions")) and method == "GET":
            assert "X-User-Id" in parameters, path


@pytest.mark.parametrize("name", ["LedgerEntry", "Redemption", "Member", "Tier", "Reward", "Problem"])
def test_the_shapes_have_the_names_of_the_contract(document: Document, name: str) -> None:
    assert name in document.content["components"]["schemas"]


def test_typescript_declarations_are_served(client: FlaskClient) -> None:
    text = client.get("/api/v1/types.d.ts").get_data(as_text=True)
    for name in ("LedgerEntry", "Redemption", "Member"):
        assert re.search(rf"export (interface|type) {name}\b", text), name
