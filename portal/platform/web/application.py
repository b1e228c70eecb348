"""The application, in which every request is one transaction that is retried only here."""

from collections.abc import Callable, MutableMapping
from functools import lru_cache
from typing import Any, TypeVar

from apiflask import APIFlask
from apiflask.schema_adapters.registry import registry
from flask import Flask, Request, Response, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from flask.templating import Environment
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy.exc import DBAPIError

from portal.platform.db import db
from portal.platform.problems import Busy
from portal.platform.web import idempotency
from portal.platform.web.inputs import StrictAdapter

ATTEMPTS = 4
# Serialization failure, deadlock, and a unique key that another request inserted since it was looked up.
RETRYABLE = frozenset({"40001", "40P01", "23505"})
LOCK_NOT_AVAILABLE = "55P03"
registry.register("pydantic", StrictAdapter)  # before any view is declared
View = TypeVar("View", bound=Callable[..., Any])


class Templates(Environment):
    """A Jinja environment whose globals are complete when the first template loads."""

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, object]:
        """One plain dict: Jinja reads it for every `import` in a render, five times as slowly in a ChainMap."""
        return {**self.globals, **(d or {})}


class Portal(APIFlask):
    """The application: what a view returns is committed, what it raises is rolled back."""

    jinja_environment = Templates

    def dispatch_request(self) -> Response:
        """Run the matched view inside the request's transaction, if it begins one.

        :raises Busy: if contention on the same rows outlasts the retries or the lock timeout.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                response = self._view_once()
                if db.session.registry.has():
                    db.session.commit()
            except DBAPIError as error:
                _undo()
                if not _may_retry(error, attempt):
                    raise
            except BaseException:
                _undo()
                raise
            else:
                return response
        raise Busy

    def ensure_sync(self, func: View) -> View:
        """The function itself: no view or hook is a coroutine, so there is no check on every call."""
        return func

    def _view_once(self) -> Response:
        def view() -> Response:
            return self.make_response(super(Portal, self).dispatch_request())

        return idempotency.answer_once(db.session(), view) if idempotency.wanted() else view()


def _undo() -> None:
    if db.session.registry.has():
        db.session.rollback()


def _may_retry(error: DBAPIError, attempt: int) -> bool:
    state = getattr(error.orig, "sqlstate", None)
    if state == LOCK_NOT_AVAILABLE:
        raise Busy from error
    if state in RETRYABLE:
        return True
    stale = error.connection_invalidated and request.method in ("GET", "HEAD")
    return stale and attempt == 1


class Sessions(SecureCookieSessionInterface):
    """Flask's session interface, with the signer cached."""

    @lru_cache(maxsize=8)  # noqa: B019 - one instance and one app in a process
    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """The signer of this app's cookies."""
        return super().get_signing_serializer(app)

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """The session in the cookie; an empty one if the request has no cookies at all."""
        return super().open_session(app, request) if "HTTP_COOKIE" in request.environ else self.session_class()

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Set the cookie if the session has changed; `Vary` is set elsewhere (`platform.web.responses`)."""
        if session.modified:
            super().save_session(app, session, response)


def init_app(app: Flask) -> None:
    """Use these sessions."""
    app.session_interface = Sessions()
