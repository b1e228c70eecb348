"""Users and tokens as the command line lists them: everything an operator asks for, and no secrets."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import text

from portal.core import clock, ids
from portal.core.reads import read_all

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


def list_users(role: str | None = None) -> Iterator[dict[str, Any]]:
    """Everybody, or those with this role, by id; read in batches."""
    after = ""
    while rows := read_all(_USERS, {"after": after, "role": role, "batch": BATCH}):
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


def list_tokens() -> Iterator[dict[str, Any]]:
    """Every token in the order they were made, with its state: `active`, `expired` or `revoked`."""
    for row in read_all(_TOKENS, {"now": clock.now()}):
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
