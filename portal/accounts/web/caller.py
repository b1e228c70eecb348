"""Who calls in the current request: the session of the cookie, or the token of the header."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from flask import g
from flask_login import UserMixin
from sqlalchemy import text

from portal.accounts.problems import InvalidToken
from portal.accounts.tokens import hash_token
from portal.accounts.web.principal import Principal
from portal.platform import clock, ids
from portal.platform.audit import Act
from portal.platform.db import db
from portal.platform.db.reads import read_one

SEEN_EVERY = timedelta(minutes=1)


MAX_REMEMBERED = 10_000


class SignedIn(UserMixin):  # type: ignore[misc]  # the library has no types
    """What Flask-Login keeps of a request's user; its id is the id of the session row (alternative-id pattern)."""

    def __init__(
        self,
        session_id: UUID,
        user_id: str,
        name: str,
        email: str | None,
        role: str,
        timezone: str | None,
        locale: str | None,
        verified: bool,
    ) -> None:
        self.timezone, self.locale = timezone, locale
        self.verified = verified
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


class _Session(NamedTuple):
    """A live sign-in and its user."""

    id: UUID
    user_id: str
    name: str
    email: str | None
    role: str
    timezone: str | None
    locale: str | None
    verified: bool
    last_seen_at: datetime


class _Live(NamedTuple):
    """A token that is alive."""

    id: UUID
    name: str
    scopes: list[str]
    last_used_at: datetime | None


_SESSION = text("""
    SELECT s.id, u.id AS user_id, u.name, u.email, u.role, u.timezone, u.locale,
           u.email_verified_at IS NOT NULL AS verified, s.last_seen_at
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
    row = read_one(_SESSION, {"id": parsed, "now": now}, _Session) if parsed else None
    if row is None:
        return None
    if now - row.last_seen_at >= SEEN_EVERY:
        db.session.execute(_SEEN, {"id": row.id, "now": now})
        db.session.commit()
    return SignedIn(
        session_id=row.id,
        user_id=row.user_id,
        name=row.name,
        email=row.email,
        role=row.role,
        timezone=row.timezone,
        locale=row.locale,
        verified=row.verified,
    )


@dataclass(frozen=True, slots=True)
class _Token:
    """A token as this process last checked it."""

    hash: bytes
    principal: Principal
    noted_at: datetime


_tokens: dict[bytes, _Token] = {}


def load_token(token: str, *, proven_later: bool = False) -> Principal | None:
    """The service that a bearer token stands for, or None when it is unknown, revoked or expired.

    `proven_later`: a token that was live a moment ago is accepted without a query, until the view's own read or `prove`
    checks its row.
    """
    now, token_hash = clock.now(), hash_token(token)
    known = _tokens.get(token_hash) if proven_later else None
    if known is not None and now - known.noted_at < SEEN_EVERY:
        g.unproven = known
        return known.principal
    row = read_one(_TOKEN, {"hash": token_hash, "now": now}, _Live)
    if row is None:
        return None
    if row.last_used_at is None or now - row.last_used_at >= SEEN_EVERY:
        db.session.execute(_USED, {"id": row.id, "now": now})
        db.session.commit()
    principal = Principal("service", row.name, scopes=frozenset(row.scopes))
    if len(_tokens) >= MAX_REMEMBERED:
        _tokens.clear()
    _tokens[token_hash] = _Token(token_hash, principal, now)
    return principal


def current() -> Principal:
    """The caller of the current request."""
    principal: Principal = g.principal
    return principal


def acting(reason: str = "") -> Act:
    """What the caller of the current request does now, and why: for the audit log and other records of who did it."""
    return Act(current().actor, clock.now(), reason)


def current_user_id() -> str:
    """The user the current request is for; the guard has made sure there is one."""
    user_id = current().user_id
    assert user_id is not None
    return user_id


class TokenProof:
    """Checks a token that was accepted without a query (`portal.platform.db.hot`). Its name and scopes never change."""

    condition = """(CAST(:token AS bytea) IS NULL OR EXISTS (
        SELECT FROM api_tokens k WHERE k.token_hash = :token AND k.revoked_at IS NULL
          AND (k.expires_at IS NULL OR k.expires_at > CAST(:token_now AS timestamptz))))"""

    def take(self) -> dict[str, object]:
        """The token that is still to be proven, if any."""
        known: _Token | None = g.get("unproven")
        return {"token": known and known.hash, "token_now": clock.now()}

    def settle(self, *, proven: bool) -> None:
        """A row proves the token; without one, the token's own row is checked.

        :raises InvalidToken: if it has been revoked or has expired.
        """
        if proven:
            g.pop("unproven", None)
        else:
            prove()


def prove() -> None:
    """Check a token that was accepted without a query and not checked since.

    :raises InvalidToken: if it has been revoked or has expired.
    """
    known: _Token | None = g.pop("unproven", None)
    if known is not None and read_one(_TOKEN, {"hash": known.hash, "now": clock.now()}, _Live) is None:
        _tokens.pop(known.hash, None)
        raise InvalidToken
