"""API tokens of services: made, listed and revoked; the secret is shown once and kept as a hash."""

import secrets
from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.accounts.models import SCOPES, ApiToken
from portal.accounts.principal import hash_token
from portal.core import audit, clock, ids
from portal.core.problems import Conflict, InvalidInput, NotFound

PREFIX = "lp_"
LONGEST_NAME = 80
MOST_DAYS = 3650


class TokenNameTaken(Conflict):
    """There is a token with this name, live or revoked."""

    code = "token_name_taken"
    title = "There is a token with this name"


class TokenNotFound(NotFound):
    """No such token."""

    code = "token_not_found"
    title = "No such token"


def create_token(
    session: Session, *, name: str, scopes: Collection[str], actor: str, days: int | None = None, reason: str = ""
) -> tuple[ApiToken, str]:
    """Make a token that lives `days` (None: until it is revoked); its secret is returned here and never again.

    :raises InvalidInput: name, scopes or days cannot be accepted.
    :raises TokenNameTaken: the name is in use.
    """
    name = name.strip()
    _check(name, scopes, days)
    now, secret = clock.now(), PREFIX + secrets.token_urlsafe(32)
    values = {
        "id": ids.new_id(), "name": name, "token_hash": hash_token(secret),
        "scopes": [scope for scope in SCOPES if scope in scopes], "created_at": now,
        "expires_at": now + timedelta(days=days) if days is not None else None,
    }  # fmt: skip
    statement = insert(ApiToken).values(values).on_conflict_do_nothing(index_elements=["name"])
    token = session.scalar(statement.returning(ApiToken))
    if token is None:
        raise TokenNameTaken
    _record(session, actor, "token.create", token, {"scopes": token.scopes, "expiresAt": token.expires_at}, reason)
    return token, secret


def revoke_token(session: Session, token_id: UUID, *, actor: str, reason: str = "") -> ApiToken:
    """End a token at once; a revoked one stays as it is.

    :raises TokenNotFound: no such token.
    """
    token = session.get(ApiToken, token_id, with_for_update=True, populate_existing=True)
    if token is None:
        raise TokenNotFound
    if token.revoked_at is None:
        token.revoked_at = clock.now()
        session.flush()
        _record(session, actor, "token.revoke", token, {"revokedAt": token.revoked_at}, reason)
    return token


def find_token(session: Session, name: str) -> ApiToken:
    """A token by name.

    :raises TokenNotFound: no such token.
    """
    token = session.scalar(select(ApiToken).where(ApiToken.name == name))
    if token is None:
        raise TokenNotFound(f"There is no token named {name!r}.")
    return token


def _check(name: str, scopes: Collection[str], days: int | None) -> None:
    problems = []
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        problems.append(("name", f"must have 1 to {LONGEST_NAME} printable characters"))
    if not scopes or not set(scopes) <= set(SCOPES):
        problems.append(("scopes", f"must be one or more of {', '.join(SCOPES)}"))
    if days is not None and not 1 <= days <= MOST_DAYS:
        problems.append(("expiresInDays", f"must be between 1 and {MOST_DAYS}"))
    if problems:
        raise InvalidInput(*problems)


def _record(
    session: Session, actor: str, action: str, token: ApiToken, after: dict[str, object], reason: str = ""
) -> None:  # fmt: skip
    audit.record(
        session, actor=actor, action=action, object_type="token", object_id=token.name, reason=reason, after=after
    )
