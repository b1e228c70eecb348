"""JSON answers, conditional reads and the headers that every answer carries."""

import hashlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, g, request
from htmx_flask import request as htmx_request

from portal.platform.documents import to_json

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

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
HEADERS_OF_HTTPS = [*HEADERS, ("Strict-Transport-Security", "max-age=31536000; includeSubDomains")]
CONDITIONS = frozenset({"HTTP_IF_NONE_MATCH", "HTTP_IF_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE"})
DOCUMENTS = frozenset({"application/json", "text/html", "text/css", "application/javascript"})


def headers_of_frame(policy: str) -> list[tuple[str, str]]:
    """The headers of a document that only our own pages frame, under a content policy of its own.

    A view puts them into `request.environ["portal.headers"]`; they then stand for the usual ones.
    """
    own = {"Content-Security-Policy": policy, "X-Frame-Options": "SAMEORIGIN", "Referrer-Policy": "no-referrer"}
    return [(name, own.get(name, value)) for name, value in HEADERS_OF_HTTPS]


def by_htmx() -> bool:
    """Whether HTMX asks, for a part of a page."""
    return bool(htmx_request.htmx)


def json(document: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer. Bytes are taken as JSON already (built by the database)."""
    body = document if isinstance(document, bytes) else to_json(document)
    return Response(body, status, headers, content_type="application/json")


def _conditional(response: Response) -> Response:
    """Reads carry an ETag and answer 304 to the one that has it (CONTRACT 1)."""
    method, headers = request.method, response.headers
    if method in ("GET", "HEAD") and response.status_code == 200 and not response.direct_passthrough:
        if response.mimetype in DOCUMENTS:
            headers["ETag"] = f'"{hashlib.blake2b(response.get_data(), digest_size=12).hexdigest()}"'
            if not CONDITIONS.isdisjoint(request.environ):
                response.make_conditional(request)
        if not request.path.startswith("/static/"):
            headers.setdefault("Cache-Control", "no-store" if _is_personal_page(response) else "private, no-cache")
            headers.add("Vary", "Cookie, Authorization, X-User-Id, HX-Request")
    elif method not in ("GET", "HEAD", "OPTIONS") or response.status_code >= 400:
        headers.setdefault("Cache-Control", "no-store")
    return response


def _is_personal_page(response: Response) -> bool:
    """Whether this is a whole page that somebody signed in sees: nothing of it stays on the machine.

    What is polled (JSON, and parts of pages) may stay in their own browser, to be asked for by its ETag (CONTRACT 1).
    """
    return response.mimetype == "text/html" and bool(g.get("principal_key")) and not by_htmx()


def _secured(application: "WSGIApplication") -> "WSGIApplication":
    """The application with the security headers on whatever it answers."""

    def secured(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        def start_secured(status: str, headers: list[tuple[str, str]], *failure: Any) -> Callable[[bytes], object]:
            usual = HEADERS_OF_HTTPS if environ["wsgi.url_scheme"] == "https" else HEADERS
            return start(status, headers + environ.get("portal.headers", usual), *failure)

        return application(environ, start_secured)

    return secured


def init_app(app: Flask) -> None:
    """Attach ETags and security headers to every answer, errors included."""
    app.wsgi_app = _secured(app.wsgi_app)  # type: ignore[method-assign, assignment]  # how Flask says to wrap it
    app.after_request(_conditional)
