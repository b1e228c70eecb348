"""Reads of redemptions: one statement a page, keyset by id, which is ordered by the time of the request."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text

from portal.accounts import UserNotFound
from portal.platform.db.cursors import decode, encode
from portal.platform.db.hot import read_hot
from portal.platform.db.reads import read_one
from portal.platform.ids import encode as ulid
from portal.platform.ids import parse
from portal.redemptions.lifecycle import RedemptionNotFound
from portal.redemptions.models import RedemptionStatus

COLUMNS = """
    r.id, r.status, w.slug, r.description, r.points, r.requested_at, r.fulfilled_at, r.closed_at, r.failure_reason,
    r.ledger_entry_id, r.checkout_intent_id, r.hold_expires_at
"""
_PAGE = text(f"""
    SELECT (SELECT count(*) FROM loyalty_redemptions p WHERE p.member_id = m.id AND p.status = 'requested') AS pending,
           {COLUMNS}
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
    SELECT r.id, r.status, r.description, r.points, r.requested_at, r.requested_by, r.fulfilled_at,
           r.closed_at, r.closed_by, r.failure_reason, r.ledger_entry_id, r.checkout_intent_id, r.hold_expires_at,
           w.slug AS reward_slug,
           u.id AS user_id, u.name, u.email, m.balance, m.held
    FROM loyalty_redemptions r
    JOIN loyalty_members m ON m.id = r.member_id JOIN users u ON u.id = m.user_id
    LEFT JOIN loyalty_rewards w ON w.id = r.reward_id
    WHERE r.id = :id
""")
_NEWEST = "7" + "Z" * 25


def list_redemptions(
    user_id: str, *, statuses: Sequence[RedemptionStatus] = (), limit: int = 20, cursor: str | None = None
) -> dict[str, Any]:
    """A page of a user's redemptions, newest first: `{redemptions, pendingCount, nextCursor}`.

    `pendingCount` counts all that are requested, whatever the filter and page.

    :raises UserNotFound: no such user.
    :raises portal.platform.db.cursors.InvalidCursor: the cursor is not of this list.
    """
    wanted = sorted(set(statuses) or set(RedemptionStatus))
    scope = ("redemptions", user_id, wanted)
    before = parse(decode(cursor, *scope) or _NEWEST)
    rows = read_hot(_PAGE, {"user_id": user_id, "statuses": wanted, "before": before, "limit": limit + 1})
    if not rows:
        raise UserNotFound
    found = [row[1:] for row in rows if row[1] is not None]
    more = encode(ulid(found[limit - 1][0]), *scope) if len(found) > limit else None
    documents = [document(row) for row in found[:limit]]
    return {"redemptions": documents, "pendingCount": rows[0][0], "nextCursor": more}


def document(row: Any) -> dict[str, Any]:
    """A row of `COLUMNS` as the API shows it."""
    return {
        "id": ulid(row[0]),
        "status": row[1],
        "rewardSlug": row[2],
        "description": row[3],
        "pointsCost": row[4],
        "requestedAt": row[5],
        "fulfilledAt": row[6],
        "closedAt": row[7],
        "failureReason": row[8],
        "ledgerEntryId": ulid(row[9]) if row[9] else None,
        "checkoutIntentId": row[10],
        "holdExpiresAt": row[11],
    }


def get_document(session: Any, redemption_id: Any) -> dict[str, Any]:
    """One redemption as the API shows it, within the current transaction."""
    return document(session.execute(_ONE, {"id": redemption_id}).one())


def get_console_row(redemption_id: UUID) -> Any:
    """One redemption with its member, as the console shows it.

    :raises RedemptionNotFound: no such redemption.
    """
    row = read_one(_CONSOLE, {"id": redemption_id})
    if row is None:
        raise RedemptionNotFound
    return row
