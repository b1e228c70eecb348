"""TypeScript declarations from the OpenAPI document: an interface for each schema component."""

import json

from portal.platform.documents import Document

_SCALARS = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}


def declarations(spec: Document) -> str:
    """The document's components as exported TypeScript declarations."""
    schemas: Document = spec["components"]["schemas"]
    head = f"// {spec['info']['title']}, version {spec['info']['version']}. Generated from its OpenAPI document.\n"
    return head + "".join(_declaration(name, schemas[name]) for name in sorted(schemas))


def _declaration(name: str, schema: Document) -> str:
    comment = f"/** {schema['description'].splitlines()[0]} */\n" if schema.get("description") else ""
    if "properties" not in schema:
        return f"\n{comment}export type {name} = {_type(schema)};\n"
    return f"\n{comment}export interface {name} {_object(schema)}\n"


def _object(schema: Document, indent: str = "  ") -> str:
    required = set(schema.get("required", ()))
    lines = [
        f"{indent}{key}{'' if key in required else '?'}: {_type(value, indent + '  ')};"
        for key, value in schema["properties"].items()
    ]
    return "\n".join(["{", *lines, indent[2:] + "}"])


def _type(schema: Document, indent: str = "  ") -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    if "const" in schema:
        return json.dumps(schema["const"])
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return " | ".join(dict.fromkeys(_type(option, indent) for option in schema[key]))
    return _by_type(schema, indent)


def _by_type(schema: Document, indent: str) -> str:
    kind = schema.get("type")
    if kind == "array":
        return f"Array<{_type(schema.get('items', {}), indent)}>"
    if kind == "object":
        return _object(schema, indent) if "properties" in schema else "Record<string, unknown>"
    return _SCALARS.get(kind or "", "unknown")
