"""The OpenAPI 3.1 document: plain component names, shared answers, and the security schemes."""

from typing import Any, cast

from apiflask import APIFlask

_PREFIX = "#/components/schemas/"
PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "Stable, snake_case."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
SECURITY = {
    "token": {"type": "http", "scheme": "bearer"},
    "session": {"type": "apiKey", "in": "cookie", "name": "session"},
}


def _plain(node: Any) -> Any:
    """References to `Parent.Child` components become references to `Child`."""
    if isinstance(node, dict):
        return {
            key: _PREFIX + value.rsplit(".", 1)[-1].removeprefix(_PREFIX)
            if key == "$ref" and isinstance(value, str)
            else _plain(value)
            for key, value in node.items()
        }
    return [_plain(item) for item in node] if isinstance(node, list) else node


def finish(spec: dict[str, Any]) -> dict[str, Any]:
    """Give every schema component one plain name, every operation its problem answer and security."""
    spec = _plain(spec)
    components = spec.setdefault("components", {})
    components["schemas"] = {name.rsplit(".", 1)[-1]: schema for name, schema in components.get("schemas", {}).items()}
    components["schemas"]["Problem"] = PROBLEM
    components["securitySchemes"] = SECURITY
    problem = {
        "description": "A problem (RFC 9457).",
        "content": {"application/problem+json": {"schema": {"$ref": _PREFIX + "Problem"}}},
    }
    for path in spec["paths"].values():
        for operation in path.values():
            if isinstance(operation, dict) and "responses" in operation:
                operation["responses"].setdefault("default", problem)
    spec["security"] = [{"token": []}, {"session": []}]
    return spec


def init_app(app: APIFlask) -> None:
    """Finish the document whenever it is made."""
    app.spec_processor(cast("Any", finish))
