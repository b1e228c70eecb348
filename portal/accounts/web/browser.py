"""The browser's cookies: for a sign-in, for a registration, and to recognise it as a known device."""

import secrets
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

from flask import after_this_request, current_app, request, session
from flask_login import current_user, login_user, logout_user
from itsdangerous import BadSignature, URLSafeSerializer, URLSafeTimedSerializer
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from portal.accounts import sessions
from portal.accounts.models import User
from portal.accounts.notices import Notice, tell
from portal.accounts.sessions import LIFE, hash_device, remember_device
from portal.accounts.verification import Opener
from portal.accounts.web.caller import SignedIn
from portal.platform import ids
from portal.platform.settings import current_settings

KEPT = ("csrf_token", "_flashes")
MAX_PATH_LENGTH = 2000


def sign_in(database: Session, user: User) -> None:
    """Sign this browser in as a user; of its earlier session only the form token and flash messages are kept.

    A user who has signed in before, but never with this browser, is told by mail.
    """
    sign_out(database)
    _know_device(database, user)
    row = sessions.open_session(
        database,
        user,
        days=current_settings().session_days,
        user_agent=request.user_agent.string,
        address=request.remote_addr or "",
    )
    session.permanent = True
    verified = user.email_verified_at is not None
    login_user(SignedIn(row.id, user.id, user.name, user.email, user.role, user.timezone, user.locale, verified))


def sign_out(database: Session) -> None:
    """End this browser's sign-in, when it has one."""
    if current_user.is_authenticated:
        sessions.end_session(database, current_user.session_id)
    kept = {name: session[name] for name in KEPT if name in session}
    logout_user()
    session.clear()
    session.update(kept)


def read_device() -> bytes | None:
    """The hash of this browser's device secret; None without a cookie that we made at a sign-in."""
    secret = _read_secret()
    return hash_device(secret) if secret else None


def _know_device(database: Session, user: User) -> None:
    secret = _read_secret() or secrets.token_urlsafe(32)
    if remember_device(database, user.id, hash_device(secret)):
        agent, address = request.user_agent.string, request.remote_addr or ""
        tell(database, user.id, Notice.NEW_DEVICE, browser=agent[: sessions.MAX_USER_AGENT_LENGTH], address=address)

    @after_this_request
    def keep(response: Response) -> Response:
        response.set_cookie(
            _cookie_name(),
            str(_signer().dumps(secret)),
            max_age=LIFE,
            secure=_secure(),
            httponly=True,
            samesite="Lax",
        )
        return response


def _read_secret() -> str | None:
    try:
        secret: str = _signer().loads(request.cookies.get(_cookie_name(), ""))
    except BadSignature:
        return None
    return secret


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt="known-device")


def _cookie_name() -> str:
    return f"{'__Host-' if _secure() else ''}known-device"


def _secure() -> bool:
    return bool(current_app.config["SESSION_COOKIE_SECURE"])


def remember_registration(response: Response, registration_id: UUID, email: str) -> None:
    """Store in this browser which registration was made in it, for as long as its link may live.

    The cookie looks the same for an address that somebody has: its id then leads nowhere.
    """
    value = str(_registrations().dumps([ids.encode(registration_id), email]))
    secure = bool(current_app.config["SESSION_COOKIE_SECURE"])
    response.set_cookie(_registration_cookie(), value, max_age=_life(), secure=secure, httponly=True, samesite="Lax")


def read_registration() -> tuple[UUID | None, str]:
    """The registration that was made in this browser, and its address; None and empty when there was none lately."""
    cookie = request.cookies.get(_registration_cookie(), "")
    try:
        registration_id, email = _registrations().loads(cookie, max_age=int(_life().total_seconds()))
    except BadSignature:
        return None, ""
    return ids.parse(registration_id), email


def opener() -> Opener:
    """This browser as the opener of a link: its registration and its signed-in user."""
    registration_id, _ = read_registration()
    return Opener(registration_id, current_user.id if current_user.is_authenticated else None)


def _life() -> timedelta:
    return timedelta(hours=current_settings().verification_link_hours)


def _registrations() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt="registration")


def _registration_cookie() -> str:
    return "__Host-registration" if current_app.config["SESSION_COOKIE_SECURE"] else "registration"


def safe_next(target: str | None) -> str | None:
    """The path when it leads to a page of this site, else None.

    Browsers drop control characters and read a backslash as a slash, so either could begin `//another.site`.
    """
    if not target or len(target) > MAX_PATH_LENGTH or not target.startswith("/") or target.startswith("//"):
        return None
    if "\\" in target or any(ord(character) <= 32 or ord(character) == 127 for character in target):
        return None
    try:
        parts = urlsplit(target)
    except ValueError:
        return None
    return None if parts.scheme or parts.netloc else target
