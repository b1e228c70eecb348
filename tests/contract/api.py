"""An HTTP client that holds every answer to the conventions and to the OpenAPI document."""

import re
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.contract.document import Document
from tests.factories.accounts import bearer

BASE = "/api/v1/loyalty"
UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
PROBLEM_MEMBERS = {"type": str, "title": str, "status": int, "detail": str, "code": str}


class Api:
    """Calls the API as one principal; paths that do not begin with `/api/` are the loyalty API's."""

    def __init__(
        self, client: FlaskClient, document: Document, token: str | None = None, user_id: str | None = None
    ) -> None:
        self.client = client
        self.document = document
        self.headers = bearer(token, user_id) if token else {}

    def get(self, path: str, query: Any = None, headers: dict[str, str] | None = None) -> TestResponse:
        """Read."""
        return self.send("GET", path, query_string=query, headers=headers)

    def post(self, path: str, body: Any = None, headers: dict[str, str] | None = None) -> TestResponse:
        """Create or act; without a body nothing is sent."""
        return self.send("POST", path, headers=headers, **({} if body is None else {"json": body}))

    def put(self, path: str, body: Any, headers: dict[str, str] | None = None) -> TestResponse:
        """Create or replace."""
        return self.send("PUT", path, json=body, headers=headers)

    def send(self, method: str, path: str, headers: dict[str, str] | None = None, **request: Any) -> TestResponse:
        """Any request; the answer is checked before it is given back."""
        full = path if path.startswith("/api/") else BASE + path
        answer = self.client.open(full, method=method, headers={**self.headers, **(headers or {})}, **request)
        check_conventions(answer)
        if answer.status_code >= 400:
            assert not self.document.complaints({"$ref": "#/components/schemas/Problem"}, answer.get_json())
        if answer.status_code < 300 and method != "HEAD":
            wrong = self.document.answer_complaints(method, full, answer.status_code, answer.get_json())
            assert not wrong, f"{method} {full}: {wrong}"
        return answer


def check_conventions(answer: TestResponse) -> None:
    """Never 5xx, never HTML, a request id, and a whole problem document for each refusal."""
    assert answer.status_code < 500, answer.get_data(as_text=True)
    assert "html" not in answer.content_type if answer.content_type else True
    assert answer.headers.get("X-Request-Id")
    assert not UUID.search(answer.data), f"ids are ULIDs: {answer.get_data(as_text=True)}"
    if answer.status_code == 304:
        assert answer.data == b""
    if answer.status_code >= 400:
        check_problem(answer)
    if answer.status_code == 401:
        assert answer.headers.get("WWW-Authenticate", "").startswith("Bearer")


def check_problem(answer: TestResponse) -> None:
    """RFC 9457 with `code`, and `errors` on 422."""
    assert answer.mimetype == "application/problem+json", answer.get_data(as_text=True)
    document = answer.get_json()
    for member, kind in PROBLEM_MEMBERS.items():
        assert isinstance(document.get(member), kind), document
    assert document["status"] == answer.status_code
    assert re.fullmatch(r"[a-z][a-z0-9_]*", document["code"]), document
    if answer.status_code == 422:
        assert isinstance(document.get("errors"), list), document
        for error in document["errors"]:
            assert isinstance(error["field"], str), document
            assert isinstance(error["message"], str), document


def code(answer: TestResponse) -> tuple[int, str]:
    """The status and the problem code of a refusal; the code of a success is empty."""
    return answer.status_code, (answer.get_json() or {}).get("code", "") if answer.status_code >= 400 else ""
