"""Bodies that an answer did not wait for: read to their end, or the connection is said to close (CONTRACT-SHOP 9.6).

A server that answers with a part of the body still to come closes the connection afterwards, and the next request on it
finds that out only by failing.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MOST_DRAINED = 1_048_576
PIECE = 65_536
_CLOSE = ("Connection", "close")


def _drained(application: "WSGIApplication") -> "WSGIApplication":
    """The application, leaving no unread body behind without a word."""

    def drained(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        if not _has_body(environ):
            return application(environ, start)

        def start_drained(status: str, headers: list[tuple[str, str]], *failure: Any) -> Callable[[bytes], object]:
            whole = _drain(environ) or not environ["SERVER_PROTOCOL"].startswith("HTTP/1")
            return start(status, headers if whole else [*headers, _CLOSE], *failure)

        return application(environ, start_drained)

    return drained


def _has_body(environ: "WSGIEnvironment") -> bool:
    """Whether a body comes with the request, over a server that tells where it ends."""
    sent = environ.get("CONTENT_LENGTH", "0") not in ("", "0") or "HTTP_TRANSFER_ENCODING" in environ
    return sent and bool(environ.get("wsgi.input_terminated"))


def _drain(environ: "WSGIEnvironment") -> bool:
    """Read what is left of the body; False when that is too much, or the sender waits to be asked for it."""
    if "HTTP_EXPECT" in environ:
        return False
    left = MOST_DRAINED
    while left > 0:
        piece = environ["wsgi.input"].read(PIECE)
        if not piece:
            return True
        left -= len(piece)
    return False


def init_app(app: Flask) -> None:
    """Look after the bodies of all requests."""
    app.wsgi_app = _drained(app.wsgi_app)  # type: ignore[method-assign, assignment]  # how Flask says to wrap it
