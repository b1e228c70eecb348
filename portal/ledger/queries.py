"""Reads of the ledger: one statement a page, keyset by the member's `seq`."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text

from portal.accounts.guards import UserNotFound
from portal.accounts.principal import LIVE_TOKEN, read_proven
from portal.core.cursors import decode, encode
from portal.ledger.models import EntryType
from portal.ledger.schemas import entry_document

# One row (with a null entry) for a user without entries, none for an unknown user. Each type is read from its own
# index range, so that a rare type costs its page and not the member's history.
_PAGE = text(f"""
    SELECT u.id AS user_id, e.seq, e.id, e.occurred_at, e.entry_type, e.amount, e.balance_after, e.description,
           e.metadata
    FROM users u
    LEFT JOIN loyalty_members m ON m.user_id = u.id
    LEFT JOIN LATERAL (
        SELECT x.* FROM loyalty_ledger_entries x
        WHERE x.member_id = m.id AND x.seq < :before ORDER BY x.seq DESC LIMIT :limit) e ON true
    WHERE u.id = :user_id AND {LIVE_TOKEN} ORDER BY e.seq DESC
""")
_PAGE_OF_TYPES = text(f"""
    SELECT u.id AS user_id, e.seq, e.id, e.occurred_at, e.entry_type, e.amount, e.balance_after, e.description,
           e.metadata
    FROM users u
    LEFT JOIN loyalty_members m ON m.user_id = u.id
    LEFT JOIN LATERAL (
        SELECT x.* FROM unnest(CAST(:types AS text[])) AS wanted(entry_type) CROSS JOIN LATERAL (
            SELECT * FROM loyalty_ledger_entries i
            WHERE i.member_id = m.id AND i.entry_type = wanted.entry_type AND i.seq < :before
            ORDER BY i.seq DESC LIMIT :limit) x
        ORDER BY x.seq DESC LIMIT :limit) e ON true
    WHERE u.id = :user_id AND {LIVE_TOKEN} ORDER BY e.seq DESC
""")
_NEWEST = 2**62


def list_entries(
    user_id: str, *, types: Sequence[EntryType] = (), limit: int = 20, cursor: str | None = None
) -> dict[str, Any]:
    """A page of a user's ledger, newest first: `{entries, nextCursor}`.

    :raises UserNotFound: no such user.
    :raises portal.core.cursors.InvalidCursor: the cursor is not of this list.
    """
    scope = ("ledger", user_id, sorted(set(types)))
    values = {"user_id": user_id, "before": decode(cursor, *scope) or _NEWEST, "limit": limit + 1}
    statement = _PAGE_OF_TYPES if types else _PAGE
    rows = read_proven(statement, {**values, "types": sorted(set(types))} if types else values)
    if not rows:
        raise UserNotFound
    found = [row for row in rows if row[1] is not None]
    more = encode(found[limit - 1][1], *scope) if len(found) > limit else None
    return {"entries": [entry_document(row) for row in found[:limit]], "nextCursor": more}
