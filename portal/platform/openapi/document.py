"""The OpenAPI 3.1 document: plain component names, shared answers and headers, and the security schemes."""

from collections.abc import Callable, Iterator
from typing import Any, cast

from apiflask import APIFlask
from flask import Flask, current_app

from portal.platform.documents import Document

Amendment = Callable[[Document], None]
_PREFIX = "#/components/schemas/"
PROBLEM = {
    "type": "object",
    "description": "A refusal or failure (RFC 9457).",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "Stable, snake_case."},
        "currentStatus": {"type": "string", "description": "The state of an object that does not allow the request."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
SECURITY = {
    "token": {"type": "http", "scheme": "bearer"},
    "session": {"type": "apiKey", "in": "cookie", "name": "session"},
}
_REFUSED = {
    "description": "A problem (RFC 9457).",
    "content": {"application/problem+json": {"schema": {"$ref": _PREFIX + "Problem"}}},
}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key with the same request is answered from store for 24 hours.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


def _plain(node: object) -> object:
    """References to `Parent.Child` components become references to `Child`."""
    if isinstance(node, dict):
        return {
            key: _PREFIX + value.rsplit(".", 1)[-1].removeprefix(_PREFIX)
            if key == "$ref" and isinstance(value, str)
            else _plain(value)
            for key, value in node.items()
        }
    return [_plain(item) for item in node] if isinstance(node, list) else node


def operations(spec: Document) -> Iterator[tuple[str, str, Document]]:
    """Every (method, path, operation) of the document."""
    for path, found in spec["paths"].items():
        for method, operation in found.items():
            if isinstance(operation, dict) and "responses" in operation:
                yield method, path, operation


def _finish_operation(method: str, operation: Document) -> None:
    answers = operation["responses"]
    answers["default"] = _REFUSED
    if "422" in answers:
        answers["422"] = _REFUSED
    if "requestBody" in operation:
        operation["requestBody"]["required"] = True
    if method == "put":
        answers.setdefault("201", {**answers["200"], "description": "Created."})
    if method == "post" and "200" in answers and "201" in answers:
        answers["200"] = {**answers["201"], "description": answers["200"]["description"]}
    if method == "post":
        operation["parameters"] = [*operation.get("parameters", []), IDEMPOTENCY_KEY]


def finish(spec: Document) -> Document:
    """Give every component one plain name, every operation its headers, its problem answer and its security."""
    spec = cast("Document", _plain(spec))
    components = spec.setdefault("components", {})
    components["schemas"] = {
        name.rsplit(".", 1)[-1]: schema
        for name, schema in components.get("schemas", {}).items()
        if name not in ("ValidationError", "HTTPError")
    }
    components["schemas"]["Problem"] = PROBLEM
    components["securitySchemes"] = SECURITY
    for method, _, operation in operations(spec):
        _finish_operation(method, operation)
    for amend in current_app.extensions["openapi_amendments"]:
        amend(spec)
    spec["security"] = [{"token": []}, {"session": []}]
    return spec


def amend_with(app: Flask, amendment: Amendment) -> None:
    """Let a domain add to the finished document."""
    app.extensions["openapi_amendments"].append(amendment)


def init_app(app: APIFlask) -> None:
    """Finish the document whenever it is made."""
    app.extensions["openapi_amendments"] = []
    app.spec_processor(cast("Any", finish))
