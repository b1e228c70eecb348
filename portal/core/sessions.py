"""Cookie sessions whose signer is made once and not for every request."""

from functools import lru_cache

from flask import Flask, Request, Response
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from itsdangerous import URLSafeTimedSerializer


class Sessions(SecureCookieSessionInterface):
    """Flask's own, with the signer kept."""

    @lru_cache(maxsize=8)  # noqa: B019 - one instance and one app in a process
    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """The signer of this app's cookies."""
        return super().get_signing_serializer(app)

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """The session in the cookie; without any cookie an empty one, and no search for it."""
        return super().open_session(app, request) if "HTTP_COOKIE" in request.environ else self.session_class()

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Write a changed session's cookie; what varies by cookie says so itself (`core.responses`)."""
        if session.modified:
            super().save_session(app, session, response)


def init_app(app: Flask) -> None:
    """Use them."""
    app.session_interface = Sessions()
