"""Cookie sessions whose signer is made once and not for every request."""

from functools import lru_cache

from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import URLSafeTimedSerializer


class Sessions(SecureCookieSessionInterface):
    """Flask's own, with the signer kept."""

    @lru_cache(maxsize=8)  # noqa: B019 - one instance and one app in a process
    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """The signer of this app's cookies."""
        return super().get_signing_serializer(app)


def init_app(app: Flask) -> None:
    """Use them."""
    app.session_interface = Sessions()
