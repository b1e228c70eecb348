"""API tokens of services: made and revoked; the secret is shown once and kept as a hash."""

import hashlib
import secrets
from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Select, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.accounts.models import SCOPES, ApiToken
from portal.platform import audit, clock, ids
from portal.platform.audit import Act
from portal.platform.problems import Conflict, InvalidInput, NotFound

PREFIX = "lp_"
MAX_NAME_LENGTH = 80
MAX_DAYS = 3650


class TokenNameTaken(Conflict):
    """There is a live token with this name."""

    code = "token_name_taken"
    title = "There is a token with this name"


class TokenNotFound(NotFound):
    """No such token."""

    code = "token_not_found"
    title = "No such token"


def hash_token(token: str) -> bytes:
    """How a token is stored: it has 256 random bits, so a fast hash is enough."""
    return hashlib.sha256(token.encode()).digest()


def create_token(
    session: Session, act: Act, *, name: str, scopes: Collection[str], days: int | None = None
) -> tuple[ApiToken, str]:
    """Make a token that lives `days` (None: until it is revoked); its secret is returned here and never again.

    The name of a revoked or expired token can be used again. The new token is then the same caller: it shares the
    `Idempotency-Key`s that the old one used within the day.

    :raises InvalidInput: if name, scopes or days cannot be accepted.
    :raises TokenNameTaken: if a live token has the name.
    """
    name = name.strip()
    _check(name, scopes, days)
    _close_expired(session, name)
    secret = PREFIX + secrets.token_urlsafe(32)
    values = {
        "id": ids.new_id(),
        "name": name,
        "token_hash": hash_token(secret),
        "scopes": [scope for scope in SCOPES if scope in scopes],
        "created_at": act.now,
        "created_by": act.actor,
        "expires_at": act.now + timedelta(days=days) if days is not None else None,
    }
    statement = (
        insert(ApiToken)
        .values(values)
        .on_conflict_do_nothing(index_elements=["name"], index_where=text("revoked_at IS NULL"))
    )
    token = session.scalar(statement.returning(ApiToken))
    if token is None:
        raise TokenNameTaken
    _record(session, act, "token.create", token, {"scopes": token.scopes, "expiresAt": token.expires_at})
    return token, secret


def revoke_token(session: Session, token_id: UUID, act: Act) -> ApiToken:
    """End a token at once; a revoked one stays as it is.

    :raises TokenNotFound: if there is no such token.
    """
    token = session.get(ApiToken, token_id, with_for_update=True, populate_existing=True)
    if token is None:
        raise TokenNotFound
    if token.revoked_at is None:
        _revoke(session, token, act)
    return token


def revoke_tokens_of(session: Session, user_id: str, act: Act) -> None:
    """Revoke the live tokens that a user made, because they know the secrets."""
    for token in session.scalars(_live_of(user_id).with_for_update()):
        _revoke(session, token, act)


def list_names_of(session: Session, user_id: str) -> Sequence[str]:
    """The names of the live tokens that a user made, in order."""
    return [token.name for token in session.scalars(_live_of(user_id).order_by(ApiToken.name))]


def find_token(session: Session, name: str) -> ApiToken:
    """A token by name: the live one, else the one made last.

    :raises TokenNotFound: if there is no such token.
    """
    of_name = select(ApiToken).where(ApiToken.name == name)
    token = session.scalar(of_name.order_by(ApiToken.revoked_at.is_not(None), ApiToken.id.desc()).limit(1))
    if token is None:
        raise TokenNotFound(f"There is no token named {name!r}.")
    return token


def _live_of(user_id: str) -> Select[ApiToken]:
    return select(ApiToken).where(ApiToken.created_by == f"user:{user_id}", ApiToken.revoked_at.is_(None))


def _revoke(session: Session, token: ApiToken, act: Act) -> None:
    token.revoked_at = act.now
    session.flush()
    _record(session, act, "token.revoke", token, {"revokedAt": token.revoked_at})


def _close_expired(session: Session, name: str) -> None:
    """Free the name of an expired token, by marking it revoked at the time it expired."""
    expired = update(ApiToken).where(
        ApiToken.name == name, ApiToken.revoked_at.is_(None), ApiToken.expires_at <= clock.now()
    )
    session.execute(expired.values(revoked_at=ApiToken.expires_at))


def _check(name: str, scopes: Collection[str], days: int | None) -> None:
    problems = []
    if not 1 <= len(name) <= MAX_NAME_LENGTH or not name.isprintable():
        problems.append(("name", f"must have 1 to {MAX_NAME_LENGTH} printable characters"))
    if not scopes or not set(scopes) <= set(SCOPES):
        problems.append(("scopes", f"must be one or more of {', '.join(SCOPES)}"))
    if days is not None and not 1 <= days <= MAX_DAYS:
        problems.append(("expiresInDays", f"must be between 1 and {MAX_DAYS}"))
    if problems:
        raise InvalidInput(*problems)


def _record(session: Session, act: Act, action: str, token: ApiToken, after: dict[str, object]) -> None:
    audit.record(session, act, action=action, object_type="token", object_id=token.name, after=after)
