"""What of the running application everybody may ask for: its settings, who listens, and signers under its secret."""

from collections.abc import Callable
from typing import Any, cast

from flask import Flask, current_app
from itsdangerous import URLSafeSerializer

from portal.config import Settings

Listener = Callable[..., Any]


def current_settings() -> Settings:
    """The settings that this application runs by."""
    return cast("Settings", current_app.config["SETTINGS"])


def listeners(event: str) -> list[Listener]:
    """Who has declared in `init_app` that they want to know of this."""
    return cast("list[Listener]", current_app.extensions.get(event, []))


def listen(app: Flask, event: str, listener: Listener) -> None:
    """Declare that `listener` wants to know of `event`."""
    app.extensions.setdefault(event, []).append(listener)


def signer(purpose: str) -> URLSafeSerializer:
    """Signs and reads what leaves in links and cookies; what was signed for another purpose does not fit."""
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt=purpose)
