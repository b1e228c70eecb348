"""Two signed cookies: the code a visitor followed, and a random name for their browser."""

import secrets
from collections.abc import Mapping
from datetime import timedelta

from flask import current_app, request
from itsdangerous import BadSignature, URLSafeSerializer, URLSafeTimedSerializer
from werkzeug.wrappers import Response

DEVICE_LIFE = timedelta(days=365)


def read_code(cookies: Mapping[str, str], life: timedelta) -> str | None:
    """The code that the visitor followed first, unless that was longer ago than `life`."""
    try:
        found: str = _codes().loads(cookies.get(_name("referral"), ""), max_age=int(life.total_seconds()))
    except BadSignature:
        return None
    return found


def remember_code(response: Response, code: str, life: timedelta) -> None:
    """Store the code that a visitor has followed."""
    _set(response, "referral", str(_codes().dumps(code)), life)


def forget_code(response: Response) -> Response:
    """Drop the code once its visitor has registered."""
    response.delete_cookie(_name("referral"), secure=_secure(), httponly=True, samesite="Lax")
    return response


def read_device(cookies: Mapping[str, str]) -> str | None:
    """The browser's random name, when it has one."""
    try:
        found: str = _devices().loads(cookies.get(_name("device"), ""))
    except BadSignature:
        return None
    return found


def know_device(response: Response) -> Response:
    """Give the browser a random name, unless it has one."""
    if read_device(request.cookies) is None:
        _set(response, "device", str(_devices().dumps(secrets.token_urlsafe(12))), DEVICE_LIFE)
    return response


def _set(response: Response, name: str, value: str, life: timedelta) -> None:
    response.set_cookie(_name(name), value, max_age=life, secure=_secure(), httponly=True, samesite="Lax")


def _codes() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt="referral-code")


def _devices() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt="device")


def _secure() -> bool:
    return bool(current_app.config["SESSION_COOKIE_SECURE"])


def _name(name: str) -> str:
    return f"__Host-{name}" if _secure() else name
