"""What of the running application everybody may ask for: its settings, and signers under its secret."""

from typing import cast

from flask import current_app
from itsdangerous import URLSafeSerializer

from portal.config import Settings


def current_settings() -> Settings:
    """The settings that this application runs by."""
    return cast("Settings", current_app.config["SETTINGS"])


def signer(purpose: str) -> URLSafeSerializer:
    """Signs and reads what leaves in links and cookies; what was signed for another purpose does not fit."""
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt=purpose)
