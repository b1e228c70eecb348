"""Who is calling: nobody, a signed-in user, or a service with a token."""

import hashlib
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal
from uuid import UUID

from flask import g
from flask_login import UserMixin
from sqlalchemy import text

from portal.core import clock, ids
from portal.core.db import db
from portal.core.reads import read_one

SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller. `user_id` is whom the call is for: the signed-in user, or the one a service names."""

    kind: Literal["anonymous", "user", "service"]
    name: str = ""
    user_id: str | None = None
    role: str = ""
    scopes: frozenset[str] = frozenset()

    @property
    def actor(self) -> str:
        """Who is held to account for the call: `user:ID` or `token:NAME`."""
        return f"{'token' if self.kind == 'service' else 'user'}:{self.name}"

    @property
    def key(self) -> str:
        """Identity for idempotency keys and rate limits; empty for nobody."""
        return "" if self.kind == "anonymous" else f"{self.actor}/{self.user_id or ''}"

    @property
    def runs_programme(self) -> bool:
        """Whether the caller has an operator's rights over every member."""
        return self.role in ("operator", "admin") or "admin" in self.scopes

    @property
    def owns_programme(self) -> bool:
        """Whether the caller may change staff, tokens and settings."""
        return self.role == "admin" or "admin" in self.scopes

    def acting_for(self, user_id: str) -> "Principal":
        """The same caller, for that user."""
        return replace(self, user_id=user_id)


ANONYMOUS = Principal("anonymous")


class SignedIn(UserMixin):  # type: ignore[misc]
    """What Flask-Login keeps of a request's user; its id is the id of the session row (alternative-id pattern)."""

    def __init__(
        self, session_id: UUID, user_id: str, name: str, email: str, role: str, timezone: str | None,
        locale: str | None,
    ) -> None:  # fmt: skip
        self.timezone, self.locale = timezone, locale
        self.session_id = session_id
        self.id = user_id
        self.name = name
        self.email = email
        self.role = role

    def get_id(self) -> str:
        """The id of the sign-in, not of the user: ending the row ends the session."""
        return ids.encode(self.session_id)

    @property
    def principal(self) -> Principal:
        """This user as the caller of a request."""
        return Principal("user", self.id, self.id, self.role)


_SESSION = text("""
    SELECT s.id, u.id AS user_id, u.name, u.email, u.role, u.timezone, u.locale, s.last_seen_at
    FROM auth_sessions s JOIN users u ON u.id = s.user_id
    WHERE s.id = :id AND s.revoked_at IS NULL AND s.expires_at > :now AND u.disabled_at IS NULL
""")
_SEEN = text("UPDATE auth_sessions SET last_seen_at = :now WHERE id = :id")
_TOKEN = text("""
    SELECT id, name, scopes, last_used_at FROM api_tokens
    WHERE token_hash = :hash AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > :now)
""")
_USED = text("UPDATE api_tokens SET last_used_at = :now WHERE id = :id")


def load_session(session_id: str) -> SignedIn | None:
    """The user of a live session, or None when it has ended."""
    parsed = ids.parse(session_id)
    now = clock.now()
    row = read_one(_SESSION, {"id": parsed, "now": now}) if parsed else None
    if row is None:
        return None
    if now - row.last_seen_at >= SEEN_EVERY:
        db.session.execute(_SEEN, {"id": row[0], "now": now})
        db.session.commit()
    return SignedIn(*row[:7])


def load_token(token: str) -> Principal | None:
    """The service that a bearer token stands for, or None when it is unknown, revoked or expired."""
    now = clock.now()
    row = read_one(_TOKEN, {"hash": hash_token(token), "now": now})
    if row is None:
        return None
    if row[3] is None or now - row[3] >= SEEN_EVERY:
        db.session.execute(_USED, {"id": row[0], "now": now})
        db.session.commit()
    return Principal("service", row[1], scopes=frozenset(row[2]))


def hash_token(token: str) -> bytes:
    """How a token is stored: it has 256 random bits, so that a fast hash is enough."""
    return hashlib.sha256(token.encode()).digest()


def current() -> Principal:
    """The caller of the current request."""
    principal: Principal = g.principal
    return principal


def current_user_id() -> str:
    """The user the current request is for; the guard has made sure there is one."""
    user_id = current().user_id
    assert user_id is not None
    return user_id
