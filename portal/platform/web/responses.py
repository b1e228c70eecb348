"""JSON answers, conditional reads, the headers that every answer carries, and the draining of unread request bodies."""

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
MAX_DRAINED = 1_048_576
PIECE = 65_536
_CLOSE = ("Connection", "close")


def headers_of_frame(policy: str) -> list[tuple[str, str]]:
    """The headers of a document that only our own pages may frame, with a content security policy of its own.

    A view puts them into `request.environ["portal.headers"]`; they then replace the usual ones.
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
    """Give reads an ETag, and answer 304 to a caller that has it (CONTRACT 1)."""
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
    """Whether this is a whole page for somebody signed in, which is stored on no machine.

    What is polled (JSON, and parts of pages) may stay in their own browser, to be revalidated by its ETag (CONTRACT 1).
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


def _drained(application: "WSGIApplication") -> "WSGIApplication":
    """The application, which reads the rest of each body or announces that the connection closes (CONTRACT-SHOP 9.6).

    A server that answers before it has read the whole body closes the connection afterwards; without a word, the next
    request on it would fail.
    """

    def drained(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        if not _has_body(environ):
            return application(environ, start)

        def start_drained(status: str, headers: list[tuple[str, str]], *failure: Any) -> Callable[[bytes], object]:
            whole = _drain(environ) or not environ["SERVER_PROTOCOL"].startswith("HTTP/1")
            return start(status, headers if whole else [*headers, _CLOSE], *failure)

        return application(environ, start_drained)

    return drained


def _has_body(environ: "WSGIEnvironment") -> bool:
    """Whether the request has a body, on a server that tells where it ends."""
    sent = environ.get("CONTENT_LENGTH", "0") not in ("", "0") or "HTTP_TRANSFER_ENCODING" in environ
    return sent and bool(environ.get("wsgi.input_terminated"))


def _drain(environ: "WSGIEnvironment") -> bool:
    """Read what is left of the body; False if that is too much, or the sender waits for `100 Continue`."""
    if "HTTP_EXPECT" in environ:
        return False
    left = MAX_DRAINED
    while left > 0:
        piece = environ["wsgi.input"].read(PIECE)
        if not piece:
            return True
        left -= len(piece)
    return False


def init_app(app: Flask) -> None:
    """Attach ETags and security headers to every answer, errors included, and leave no body unread."""
    app.wsgi_app = _drained(_secured(app.wsgi_app))  # type: ignore[method-assign, assignment]  # how Flask says to wrap it
    app.after_request(_conditional)
