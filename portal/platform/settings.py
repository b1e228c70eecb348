"""What any module may use of the running application: settings, event listeners, and signers with its secret key."""

from collections.abc import Callable
from typing import Any, cast

from flask import Flask, current_app
from itsdangerous import URLSafeSerializer

from portal.config import Settings

Listener = Callable[..., Any]


def current_settings() -> Settings:
    """The settings of the current application."""
    return cast("Settings", current_app.config["SETTINGS"])


def listeners(event: str) -> list[Listener]:
    """The listeners of this event, as registered by `init_app` functions."""
    return cast("list[Listener]", current_app.extensions.get(event, []))


def listen(app: Flask, event: str, listener: Listener) -> None:
    """Register a listener for `event`."""
    app.extensions.setdefault(event, []).append(listener)


def signer(purpose: str) -> URLSafeSerializer:
    """A signer of values in links and cookies; it rejects what was signed for another purpose."""
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt=purpose)
