"""The portal's own OpenAPI document, as the judge of its answers."""

import re
from functools import cached_property
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

Json = dict[str, Any]


class Document:
    """An OpenAPI 3.1 document that tells which schema an answer must satisfy."""

    def __init__(self, content: Json) -> None:
        self.content = content

    @cached_property
    def _paths(self) -> list[tuple[re.Pattern[str], Json]]:
        found = [(path, item) for path, item in self.content["paths"].items()]
        found.sort(key=lambda pair: pair[0].count("{"))
        return [(re.compile(re.sub(r"\\{[^}]+\\}", "[^/]+", re.escape(path)) + "$"), item) for path, item in found]

    def operations(self) -> list[tuple[str, str, Json]]:
        """Every (method, path, operation)."""
        return [
            (method.upper(), path, item[method])
            for path, item in self.content["paths"].items()
            for method in ("get", "put", "post", "delete", "patch")
            if method in item
        ]

    def operation(self, method: str, path: str) -> Json:
        """The operation that answers a method on a concrete path."""
        for pattern, item in self._paths:
            if pattern.match(path) and method.lower() in item:
                return dict(item[method.lower()])
        raise AssertionError(f"{method} {path} is not in the OpenAPI document")

    def complaints(self, schema: Json, value: Any) -> list[str]:
        """What is wrong with a value, as told by a schema of this document."""
        rooted = {**schema, "components": self.content["components"]}
        judge = Draft202012Validator(rooted, format_checker=FormatChecker())
        return [f"{error.json_path}: {error.message}" for error in judge.iter_errors(value)]

    def answer_complaints(self, method: str, path: str, status: int, value: Any) -> list[str]:
        """What is wrong with a successful JSON answer, as told by the document."""
        responses = self.operation(method, path)["responses"]
        declared = responses.get(str(status)) or next(responses[code] for code in ("200", "201") if code in responses)
        return self.complaints(declared["content"]["application/json"]["schema"], value)
