"""Expected failures and their RFC 9457 answers, in one place."""

from http import HTTPStatus
from typing import ClassVar

import orjson
import psycopg
from flask import Flask, Response, current_app, request
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DBAPIError, OperationalError
from werkzeug.exceptions import HTTPException

from portal.platform.console.error_pages import show_error
from portal.platform.documents import Document
from portal.platform.settings import current_settings

MEDIA_TYPE = "application/problem+json"
# Members whose meaning RFC 9457 or we have fixed: the state of an object is therefore `currentStatus`, not `status`.
RESERVED = frozenset({"type", "title", "status", "detail", "code", "errors", "instance"})


class DomainError(Exception):
    """A failure that a caller can expect; subclasses fix its stable code and status.

    `extra` members go into the problem document, `headers` into the answer; `errors` lists the refused fields, each as
    `{field, message}`.

    :raises ValueError: if `extra` contains one of the `RESERVED` members (CONTRACT 1).
    """

    code: ClassVar[str] = "bad_request"
    status: ClassVar[int] = 400
    title: ClassVar[str] = "Bad request"

    def __init__(
        self, detail: str = "", *, extra: Document | None = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.extra = extra or {}
        self.headers = headers or {}
        self.errors: list[dict[str, str]] = []
        if taken := RESERVED & self.extra.keys():
            raise ValueError(f"a problem's {', '.join(sorted(taken))} must keep the meaning that RFC 9457 gives it")


class InvalidInput(DomainError):
    """Fields of the request that cannot be accepted; `errors` is a list of `{field, message}`."""

    code = "validation_failed"
    status = 422
    title = "Some fields are not valid"

    def __init__(self, *errors: tuple[str, str]) -> None:
        super().__init__("; ".join(f"{field}: {message}" for field, message in errors))
        self.errors = [{"field": field, "message": message} for field, message in errors]


class RateLimited(DomainError):
    """Too many requests; `Retry-After` says when to come back."""

    code = "rate_limited"
    status = 429
    title = "Too many requests"

    def __init__(self, seconds: int) -> None:
        unit = "second" if seconds == 1 else "seconds"
        super().__init__(f"Try again in {seconds} {unit}.", headers={"Retry-After": str(seconds)})


class NotFound(DomainError):
    """No such object, or not the caller's."""

    code = "not_found"
    status = 404
    title = "Not found"


class Conflict(DomainError):
    """The object is not in a state that allows this."""

    code = "conflict"
    status = 409
    title = "Conflict"


class WrongState(Conflict):
    """The object's state does not allow this; the response contains its `currentStatus`."""

    def __init__(self, status: str) -> None:
        super().__init__(f"It is {status}.", extra={"currentStatus": status})


class Forbidden(DomainError):
    """The caller is known and may not do this."""

    code = "forbidden"
    status = 403
    title = "Forbidden"


class Busy(DomainError):
    """Too much contention on the same rows; the caller may try again."""

    code = "try_again"
    status = 503
    title = "Busy, try again"

    def __init__(self) -> None:
        super().__init__("Other requests hold the same rows. Try again.", headers={"Retry-After": "1"})


_HTTP_CODES = {
    400: "bad_request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
    429: "rate_limited",
}


def wants_json() -> bool:
    """Whether this request is answered with JSON: all of `/api/` and `/app/api/`, except `/api/docs`."""
    return request.path.startswith(("/api/", "/app/api/")) and not request.path.startswith("/api/docs")


def answer(
    code: str,
    status: int,
    title: str,
    detail: str,
    *,
    extra: Document | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """The problem as problem+json under the APIs, as a page elsewhere."""
    response: Response
    if wants_json():
        document = _document(code, status, title, detail, extra or {})
        response = Response(orjson.dumps(document, default=str), status, content_type=MEDIA_TYPE)
    else:
        response = show_error(status, code=code, title=title, detail=detail, errors=(extra or {}).get("errors"))
    response.headers.update(headers or {})
    return response


def _document(code: str, status: int, title: str, detail: str, extra: Document) -> Document:
    type_ = f"{current_settings().base_url}/api/docs#problem-{code}"
    return {"type": type_, "title": title, "status": status, "detail": detail, "code": code, **extra}


def of(error: DomainError) -> Response:
    """The answer to an expected failure."""
    return answer(error.code, error.status, error.title, error.detail, extra=_extra(error), headers=error.headers)


def document_of(error: DomainError) -> Document:
    """The problem document of an expected failure, for one row of a batch."""
    return _document(error.code, error.status, error.title, error.detail, _extra(error))


def _extra(error: DomainError) -> Document:
    return {**error.extra, "errors": error.errors} if error.errors else error.extra


def _http_error(error: HTTPException) -> Response | HTTPException:
    status = error.code or 500
    if status < 400:
        return error
    headers = {k: v for k, v in error.get_headers() if k in ("Allow", "Retry-After", "WWW-Authenticate")}
    title = HTTPStatus(status).phrase
    code = "internal_error" if status >= 500 else _HTTP_CODES.get(status, "bad_request")
    return answer(code, status, title, error.description or title, headers=headers)


def _csrf_error(error: CSRFError) -> Response:
    return answer("csrf_failed", 400, "The form has expired", error.description or "Load the page again and retry.")


def _database_error(error: DBAPIError | psycopg.Error) -> Response:
    current_app.logger.exception("database error", exc_info=error)
    if isinstance(error, OperationalError | psycopg.OperationalError):
        return answer(
            "unavailable",
            503,
            "Temporarily unavailable",
            "The database cannot answer. Try again in a moment.",
            headers={"Retry-After": "2"},
        )
    return _unexpected(error)


def _unexpected(error: Exception) -> Response:
    current_app.logger.exception("unexpected error", exc_info=error)
    return answer(
        "internal_error", 500, "Something went wrong", "The request was not carried out. Nothing was changed."
    )


def init_app(app: Flask) -> None:
    """Register the one mapping from exceptions to answers."""
    app.register_error_handler(DomainError, of)
    app.register_error_handler(CSRFError, _csrf_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(DBAPIError, _database_error)
    app.register_error_handler(psycopg.Error, _database_error)
    app.register_error_handler(Exception, _unexpected)
