"""JSON answers, conditional reads and the headers that every answer carries."""

import hashlib
from typing import Any

import orjson
from flask import Flask, Response, request
from htmx_flask import request as htmx_request

_CSP = (
    "default-src 'self'; img-src 'self' data: https:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
HEADERS = [
    ("Content-Security-Policy", _CSP),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
]
DOCUMENTS = frozenset({"application/json", "text/html", "text/css", "application/javascript"})


def by_htmx() -> bool:
    """Whether HTMX asks, for a part of a page."""
    return bool(htmx_request.htmx)


def to_json(document: Any) -> bytes:
    """The document as JSON, times in RFC 3339 with offset. Ids are to be encoded by whoever makes the document."""
    return orjson.dumps(document)


def json(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer. Bytes are taken as JSON already (built by the database)."""
    body = document if isinstance(document, bytes) else to_json(document)
    return Response(body, status, headers, content_type="application/json")


def _conditional(response: Response) -> Response:
    """Reads carry an ETag and answer 304 to the one that has it (CONTRACT 1)."""
    if request.method in ("GET", "HEAD") and response.status_code == 200 and not response.direct_passthrough:
        if response.mimetype in DOCUMENTS:
            response.set_etag(hashlib.blake2b(response.get_data(), digest_size=12).hexdigest())
            response.make_conditional(request)
        if not request.path.startswith("/static/"):
            response.headers.setdefault("Cache-Control", "private, no-cache")
            response.headers.add("Vary", "Cookie, Authorization, X-User-Id, HX-Request")
    elif request.method not in ("GET", "HEAD", "OPTIONS") or response.status_code >= 400:
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def _secure(response: Response) -> Response:
    response.headers.extend(HEADERS)
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
    return response


def init_app(app: Flask) -> None:
    """Attach ETags and security headers to every answer, errors included."""
    app.after_request(_secure)
    app.after_request(_conditional)
