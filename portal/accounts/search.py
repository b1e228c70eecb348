"""Search for users, exactly or by how the words of a name, an address or an id begin; and lists for commands."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text

from portal.accounts.contact import clean_email
from portal.accounts.models import SEARCH_WORDS
from portal.platform import clock, ids
from portal.platform.db.reads import read_all, read_one
from portal.platform.documents import Document

MAX_FOUND = 1_000
MAX_NAMED = 200
_SEPARATORS = re.compile(r"[\W_]+")

# MATERIALIZED, so that the index gives the hits however many the planner expects; no more are read than are shown.
HITS = (
    f"(WITH hits AS MATERIALIZED (SELECT id FROM users WHERE {SEARCH_WORDS} @@ CAST(:words AS tsquery)) "
    f"SELECT id FROM hits LIMIT {MAX_FOUND})"
)
_LOOK = text(f"""
    WITH exact AS (
        SELECT id FROM users WHERE email = :email OR id = :q
        UNION
        SELECT user_id FROM loyalty_members WHERE referral_code = upper(:q)
    ), hits AS MATERIALIZED (SELECT id FROM users WHERE {SEARCH_WORDS} @@ CAST(:words AS tsquery))
    SELECT (SELECT min(id) FROM exact) AS user_id, (SELECT count(*) FROM exact) AS exact,
           (SELECT count(*) FROM (SELECT FROM hits LIMIT {MAX_FOUND + 1}) h) AS hits
""")
_NAMED = text(f"""
    SELECT id, true AS exact FROM users WHERE email = :email OR id = :q
    UNION SELECT user_id, true FROM loyalty_members WHERE referral_code = upper(:q)
    UNION ALL (SELECT id, false FROM users WHERE {SEARCH_WORDS} @@ CAST(:words AS tsquery) LIMIT {MAX_NAMED})
""")


class _Hits(NamedTuple):
    """An exact match, the number of exact matches, and the number of hits, counted to one more than are shown."""

    user_id: str | None
    exact: int
    hits: int


class _Named(NamedTuple):
    """A user who matches; `exact`: by address, id or referral code."""

    id: str
    exact: bool


@dataclass(frozen=True, slots=True)
class Look:
    """What a search found: the one user it names exactly, if any, and whether there are more hits than are shown."""

    user_id: str | None
    is_too_wide: bool


def look_for(wanted: str) -> Look:
    """Search for users: by email address, user id or referral code exactly, else by how names begin."""
    row = read_one(_LOOK, {"q": wanted, "email": _as_address(wanted), "words": search_words(wanted)}, _Hits)
    if row is None:
        return Look(None, False)
    return Look(row.user_id if row.exact == 1 else None, row.hits > MAX_FOUND)


def list_named(wanted: str) -> list[str]:
    """The ids of the users who match exactly; if there are none, of up to `MAX_NAMED` who match by how names begin."""
    rows = read_all(_NAMED, {"q": wanted, "email": _as_address(wanted), "words": search_words(wanted)}, _Named)
    return sorted({row.id for row in rows if row.exact} or {row.id for row in rows})


def search_words(wanted: str) -> str:
    """A `tsquery` in which each word is a prefix of one of a user's words."""
    return " & ".join(_term(word) for word in wanted.lower().split()) or "''"


def _term(word: str) -> str:
    """The word as a prefix; if it contains punctuation and is no address, alternatively its parts as prefixes."""
    parts = [part for part in _SEPARATORS.split(word) if part]
    whole = _prefix(word)
    if not parts or "@" in word or parts == [word]:
        return whole
    return f"({whole} | ({' & '.join(map(_prefix, parts))}))"


def _prefix(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}':*"


def _as_address(wanted: str) -> str:
    try:
        return clean_email(wanted)
    except ValueError:
        return wanted.lower()


BATCH = 1_000

_USERS = text("""
    SELECT id, email, name, role, password_hash IS NOT NULL AS has_password, disabled_at, created_at FROM users
    WHERE id > :after AND (CAST(:role AS text) IS NULL OR role = :role) ORDER BY id LIMIT :batch
""")
_TOKENS = text("""
    SELECT id, name, scopes, created_at, created_by, last_used_at, expires_at, revoked_at,
        CASE WHEN revoked_at IS NOT NULL THEN 'revoked' WHEN expires_at <= :now THEN 'expired'
             ELSE 'active' END AS state
    FROM api_tokens ORDER BY id
""")


class _User(NamedTuple):
    """A user in a list."""

    id: str
    email: str | None
    name: str
    role: str
    has_password: bool
    disabled_at: datetime | None
    created_at: datetime


class _Token(NamedTuple):
    """A token with its state."""

    id: UUID
    name: str
    scopes: list[str]
    created_at: datetime
    created_by: str
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None
    state: str


def list_users(role: str | None = None) -> Iterator[Document]:
    """Everybody, or those with this role, by id; read in batches."""
    after = ""
    while rows := read_all(_USERS, {"after": after, "role": role, "batch": BATCH}, _User):
        for row in rows:
            yield {
                "userId": row.id,
                "email": row.email,
                "name": row.name,
                "role": row.role,
                "hasPassword": row.has_password,
                "disabledAt": row.disabled_at,
                "createdAt": row.created_at,
            }
        after = rows[-1].id


def list_tokens() -> Iterator[Document]:
    """Every token in the order they were made, with its state: `active`, `expired` or `revoked`."""
    for row in read_all(_TOKENS, {"now": clock.now()}, _Token):
        yield {
            "id": ids.encode(row.id),
            "name": row.name,
            "state": row.state,
            "scopes": row.scopes,
            "createdAt": row.created_at,
            "createdBy": row.created_by,
            "lastUsedAt": row.last_used_at,
            "expiresAt": row.expires_at,
            "revokedAt": row.revoked_at,
        }
