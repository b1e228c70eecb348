"""Reads of redemptions: one statement a page, keyset by id, which is ordered by the time of the request."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.accounts import UserNotFound
from portal.platform.db.cursors import decode, encode
from portal.platform.db.hot import read_hot
from portal.platform.db.reads import read_one
from portal.platform.documents import Document
from portal.platform.ids import encode as ulid
from portal.platform.ids import parse
from portal.redemptions.lifecycle import RedemptionNotFound
from portal.redemptions.models import RedemptionStatus


class RedemptionRow(NamedTuple):
    """`COLUMNS`, all None for a user without redemptions; on a page also how many of the user's are requested."""

    id: UUID
    status: str
    reward_slug: str | None
    description: str
    points: int
    requested_at: datetime
    fulfilled_at: datetime | None
    closed_at: datetime | None
    failure_reason: str | None
    ledger_entry_id: UUID | None
    checkout_intent_id: str | None
    hold_expires_at: datetime
    pending: int = 0


class ConsoleRow(NamedTuple):
    """A redemption with its member."""

    id: UUID
    status: str
    member_id: UUID
    description: str
    points: int
    restored: int
    requested_at: datetime
    requested_by: str
    fulfilled_at: datetime | None
    closed_at: datetime | None
    closed_by: str | None
    failure_reason: str | None
    ledger_entry_id: UUID | None
    checkout_intent_id: str | None
    hold_expires_at: datetime
    reward_slug: str | None
    user_id: str
    name: str
    email: str | None
    balance: int
    held: int


COLUMNS = """
    r.id, r.status, w.slug AS reward_slug, r.description, r.points, r.requested_at, r.fulfilled_at, r.closed_at,
    r.failure_reason, r.ledger_entry_id, r.checkout_intent_id, r.hold_expires_at
"""
_PAGE = text(f"""
    SELECT {COLUMNS},
           (SELECT count(*) FROM loyalty_redemptions p WHERE p.member_id = m.id AND p.status = 'requested') AS pending
    FROM users u
    LEFT JOIN loyalty_members m ON m.user_id = u.id
    LEFT JOIN LATERAL (
        SELECT x.* FROM unnest(CAST(:statuses AS text[])) AS wanted(status) CROSS JOIN LATERAL (
            SELECT * FROM loyalty_redemptions i
            WHERE i.member_id = m.id AND i.status = wanted.status AND i.id < :before
            ORDER BY i.id DESC LIMIT :limit) x
        ORDER BY x.id DESC LIMIT :limit) r ON true
    LEFT JOIN loyalty_rewards w ON w.id = r.reward_id
    WHERE u.id = :user_id ORDER BY r.id DESC
""")
_ONE = text(f"""
    SELECT {COLUMNS} FROM loyalty_redemptions r LEFT JOIN loyalty_rewards w ON w.id = r.reward_id WHERE r.id = :id
""")
_CONSOLE = text("""
    SELECT r.id, r.status, r.member_id, r.description, r.points, r.restored, r.requested_at, r.requested_by,
           r.fulfilled_at, r.closed_at, r.closed_by, r.failure_reason, r.ledger_entry_id, r.checkout_intent_id,
           r.hold_expires_at, w.slug AS reward_slug,
           u.id AS user_id, u.name, u.email, m.balance, m.held
    FROM loyalty_redemptions r
    JOIN loyalty_members m ON m.id = r.member_id JOIN users u ON u.id = m.user_id
    LEFT JOIN loyalty_rewards w ON w.id = r.reward_id
    WHERE r.id = :id
""")
_NEWEST = "7" + "Z" * 25


def list_redemptions(
    user_id: str, *, statuses: Sequence[RedemptionStatus] = (), limit: int = 20, cursor: str | None = None
) -> Document:
    """A page of a user's redemptions, newest first: `{redemptions, pendingCount, nextCursor}`.

    `pendingCount` counts all that are requested, whatever the filter and page.

    :raises UserNotFound: if there is no such user.
    :raises portal.platform.db.cursors.InvalidCursor: if the cursor was not issued for this list.
    """
    wanted = sorted(set(statuses) or set(RedemptionStatus))
    scope = ("redemptions", user_id, wanted)
    before = parse(decode(cursor, *scope) or _NEWEST)
    values = {"user_id": user_id, "statuses": wanted, "before": before, "limit": limit + 1}
    rows = read_hot(_PAGE, values, RedemptionRow)
    if not rows:
        raise UserNotFound
    found = [row for row in rows if row.id is not None]
    more = encode(ulid(found[limit - 1].id), *scope) if len(found) > limit else None
    documents = [serialize_redemption(row) for row in found[:limit]]
    return {"redemptions": documents, "pendingCount": rows[0].pending, "nextCursor": more}


def serialize_redemption(row: RedemptionRow) -> Document:
    """A redemption as the API shows it."""
    return {
        "id": ulid(row.id),
        "status": row.status,
        "rewardSlug": row.reward_slug,
        "description": row.description,
        "pointsCost": row.points,
        "requestedAt": row.requested_at,
        "fulfilledAt": row.fulfilled_at,
        "closedAt": row.closed_at,
        "failureReason": row.failure_reason,
        "ledgerEntryId": ulid(row.ledger_entry_id) if row.ledger_entry_id else None,
        "checkoutIntentId": row.checkout_intent_id,
        "holdExpiresAt": row.hold_expires_at,
    }


def get_redemption(session: Session, redemption_id: UUID) -> Document:
    """One redemption as the API shows it, within the current transaction."""
    return serialize_redemption(RedemptionRow(*session.execute(_ONE, {"id": redemption_id}).one()))


def get_console_row(redemption_id: UUID) -> ConsoleRow:
    """One redemption with its member, as the console shows it.

    :raises RedemptionNotFound: if there is no such redemption.
    """
    row = read_one(_CONSOLE, {"id": redemption_id}, ConsoleRow)
    if row is None:
        raise RedemptionNotFound
    return row
