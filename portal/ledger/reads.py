"""Reads of the ledger: one statement a page, keyset by the member's `seq`."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text

from portal.accounts import UserNotFound
from portal.ledger.labels import IMPORTED, LABELS, UNKNOWN
from portal.ledger.models import EntryType
from portal.ledger.posting import Entry
from portal.platform.db.cursors import decode, encode
from portal.platform.db.hot import read_hot
from portal.platform.db.reads import read_one
from portal.platform.documents import Document
from portal.platform.ids import encode as ulid

# What stands beside an entry is added to its metadata and never replaces any of it.
COLUMNS = """
    e.seq, e.id, e.occurred_at, e.entry_type, e.amount, e.balance_after, t.description,
    coalesce(t.metadata, '{}'::jsonb) || e.metadata AS metadata
"""
BESIDE = "LEFT JOIN loyalty_ledger_texts t ON t.member_id = e.member_id AND t.entry_id = e.id"


class EntryRow(NamedTuple):
    """An entry, `description` as somebody wrote it, if any; all fields are None for a user without entries."""

    seq: int
    id: UUID
    occurred_at: datetime
    entry_type: str
    amount: int
    balance_after: int
    description: str | None
    metadata: Document


# One row (with a null entry) for a user without entries, none for an unknown user. Each type is read from its own index
# range, so that a page of a rare type does not read the member's whole history.
_PAGE = text(f"""
    SELECT {COLUMNS}
    FROM users u
    LEFT JOIN loyalty_members m ON m.user_id = u.id
    LEFT JOIN LATERAL (
        SELECT x.* FROM loyalty_ledger_entries x
        WHERE x.member_id = m.id AND x.seq < :before ORDER BY x.seq DESC LIMIT :limit) e ON true
    {BESIDE}
    WHERE u.id = :user_id ORDER BY e.seq DESC
""")
_PAGE_OF_TYPES = text(f"""
    SELECT {COLUMNS}
    FROM users u
    LEFT JOIN loyalty_members m ON m.user_id = u.id
    LEFT JOIN LATERAL (
        SELECT x.* FROM unnest(CAST(:types AS text[])) AS wanted(entry_type) CROSS JOIN LATERAL (
            SELECT * FROM loyalty_ledger_entries i
            WHERE i.member_id = m.id AND i.entry_type = wanted.entry_type AND i.seq < :before
            ORDER BY i.seq DESC LIMIT :limit) x
        ORDER BY x.seq DESC LIMIT :limit) e ON true
    {BESIDE}
    WHERE u.id = :user_id ORDER BY e.seq DESC
""")
_ONE = text(f"""
    SELECT {COLUMNS}
    FROM loyalty_ledger_entries e {BESIDE} WHERE e.member_id = :member_id AND e.id = :id
""")
_NEWEST = 2**62
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# SQL over a member `m`: `pending_next` is what becomes active next, by date and by what it is for, at most ten of
# `[points, microseconds, order]`. It costs nothing while nothing waits.
NEXT_PENDING = """
    LEFT JOIN LATERAL (
        SELECT json_agg(json_build_array(
            n.points, (extract(epoch FROM n.activates_at) * 1000000)::bigint,
            CASE WHEN n.source = 'order' THEN n.external_id END) ORDER BY n.activates_at, n.first) AS pending_next
        FROM (SELECT activates_at, source, external_id, sum(points)::bigint AS points, min(id::text) AS first
              FROM loyalty_pending_credits
              WHERE member_id = m.id AND m.pending > 0 AND activated_at IS NULL AND points > 0
              GROUP BY activates_at, source, external_id ORDER BY activates_at, first LIMIT 10) n) pending ON true
"""
_PENDING = text(f"""
    SELECT m.pending AS total, pending.pending_next FROM loyalty_members m {NEXT_PENDING} WHERE m.id = :member_id
""")
PendingRow = tuple[int, int, str | None]
"""Points, when they become active (microseconds since 1970), and the order they are for, if it is one."""


def list_entries(
    user_id: str, *, types: Sequence[EntryType] = (), limit: int = 20, cursor: str | None = None
) -> Document:
    """A page of a user's ledger, newest first: `{entries, nextCursor}`.

    :raises UserNotFound: if there is no such user.
    :raises portal.platform.db.cursors.InvalidCursor: if the cursor was not issued for this list.
    """
    scope = ("ledger", user_id, sorted(set(types)))
    values = {"user_id": user_id, "before": decode(cursor, *scope) or _NEWEST, "limit": limit + 1}
    statement = _PAGE_OF_TYPES if types else _PAGE
    rows = read_hot(statement, {**values, "types": sorted(set(types))} if types else values, EntryRow)
    if not rows:
        raise UserNotFound
    found = [row for row in rows if row.seq is not None]
    more = encode(found[limit - 1].seq, *scope) if len(found) > limit else None
    return {"entries": [serialize_entry(row) for row in found[:limit]], "nextCursor": more}


def get_entry(member_id: UUID, entry_id: UUID) -> Document:
    """One entry of a member, as the API shows it."""
    row = read_one(_ONE, {"member_id": member_id, "id": entry_id}, EntryRow)
    assert row is not None, "the caller knows that there is this entry"
    return serialize_entry(row)


def describe(entry_type: str, metadata: Document, written: str | None) -> str:
    """What an entry is about: what somebody wrote, else the portal's own words for its type and metadata."""
    if written is not None:
        return written
    if "import" in metadata:
        return IMPORTED
    words = LABELS.get(entry_type, UNKNOWN)
    if words.without_order is not None and "order_reference" not in metadata:
        return words.without_order
    return words.description.format(order=metadata.get("order_reference", "")).rstrip()


def list_pending(member_id: UUID) -> Document:
    """What a member's pending credits come to, and what becomes active next, as the API shows it."""
    row = read_one(_PENDING, {"member_id": member_id})
    return serialize_pending(row.total, row.pending_next) if row else serialize_pending(0, None)


def serialize_pending(total: int, following: Sequence[PendingRow] | None) -> Document:
    """The total, and the rows of `NEXT_PENDING`, as the API shows them."""
    shown = [
        {"points": points, "activatesAt": _EPOCH + timedelta(microseconds=at), "orderReference": order}
        for points, at, order in following or []
    ]
    return {"total": total, "next": shown}


def serialize_entry(entry: Entry | EntryRow) -> Document:
    """A ledger entry as the API shows it."""
    return {
        "id": ulid(entry.id),
        "occurredAt": entry.occurred_at,
        "entryType": entry.entry_type,
        "amount": entry.amount,
        "balanceAfter": entry.balance_after,
        "description": describe(entry.entry_type, entry.metadata, entry.description),
        "metadata": entry.metadata,
    }
