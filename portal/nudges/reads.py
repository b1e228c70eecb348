"""Reads of nudges outside any transaction: a member's nudges if nothing has changed, and the dispatches."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import TextClause, text

from portal.nudges import state
from portal.nudges.feed import list_cards
from portal.nudges.models import DispatchStatus
from portal.nudges.rules import NudgeRules
from portal.platform.db.cursors import decode, encode
from portal.platform.db.hot import read_hot
from portal.platform.db.reads import read_all
from portal.platform.documents import Document
from portal.platform.ids import encode as ulid
from portal.platform.ids import parse

_OF_USER = text(state.OF_USER)
_EVENT = """
    e.id, e.nudge_id, e.member_id, e.campaign_id, e.channel, e.backend, e.status, e.reason, e.created_at, e.sent_at
"""
_SHOWN = "x.*, m.user_id, c.slug"
_OF_ONE = text(f"""
    SELECT {_SHOWN} FROM loyalty_members m CROSS JOIN LATERAL (
        SELECT {_EVENT} FROM loyalty_nudge_dispatch_events e
        WHERE e.member_id = m.id AND e.id < :before AND e.status = ANY(CAST(:statuses AS text[]))
        ORDER BY e.id DESC LIMIT :limit) x
    LEFT JOIN loyalty_nudge_campaigns c ON c.id = x.campaign_id
    WHERE m.user_id = :user_id ORDER BY x.id DESC
""")
_NEWEST = "7" + "Z" * 25


@lru_cache
def _of_all(statuses: tuple[DispatchStatus, ...]) -> TextClause:
    """The newest of all members; a branch with a literal for each status, so that each is planned for its frequency."""
    every = set(statuses) == set(DispatchStatus)
    newest = "e.id < :before ORDER BY e.id DESC LIMIT :limit"
    branches = " UNION ALL ".join(
        f"(SELECT {_EVENT} FROM loyalty_nudge_dispatch_events e WHERE {condition}{newest})"
        for condition in ([""] if every else [f"e.status = '{status}' AND " for status in statuses])
    )
    return text(f"""
        SELECT {_SHOWN} FROM (SELECT * FROM ({branches}) y ORDER BY y.id DESC LIMIT :limit) x
        JOIN loyalty_members m ON m.id = x.member_id LEFT JOIN loyalty_nudge_campaigns c ON c.id = x.campaign_id
        ORDER BY x.id DESC
    """)


class DispatchRow(NamedTuple):
    """A decision about a nudge, with its member and the slug of its campaign."""

    id: UUID
    nudge_id: UUID
    member_id: UUID
    campaign_id: UUID | None
    channel: str | None
    backend: str | None
    status: str
    reason: str
    created_at: datetime
    sent_at: datetime | None
    user_id: str
    slug: str | None


def list_nudges(user_id: str, now: datetime, rules: NudgeRules) -> list[Document] | None:
    """A user's nudges as CONTRACT 3 shows them, in one read; None if they must be brought up to date first.

    :raises portal.accounts.UserNotFound: if there is no such user.
    """
    rows: list[state.CardRow] = read_hot(_OF_USER, {**state.values(rules, now), "user_id": user_id})
    return None if any(row.action for row in rows) else list_cards(rows, now, rules)


def list_dispatches(
    *, user_id: str | None = None, statuses: Sequence[DispatchStatus] = (), limit: int = 20, cursor: str | None = None
) -> Document:
    """A page of decisions about nudges, newest first: `{dispatches, nextCursor}`; without `user_id`, of all members.

    :raises portal.platform.db.cursors.InvalidCursor: if the cursor was not issued for this list.
    """
    wanted = sorted(set(statuses) or set(DispatchStatus))
    scope = ("nudge-dispatches", user_id, wanted)
    before = parse(decode(cursor, *scope) or _NEWEST)
    values = {"user_id": user_id, "statuses": wanted, "before": before, "limit": limit + 1}
    rows: list[DispatchRow] = read_all(_of_all(tuple(wanted)) if user_id is None else _OF_ONE, values)
    more = encode(ulid(rows[limit - 1].id), *scope) if len(rows) > limit else None
    return {"dispatches": [_dispatch(row) for row in rows[:limit]], "nextCursor": more}


def _dispatch(row: DispatchRow) -> Document:
    return {
        "id": ulid(row.id),
        "nudgeId": ulid(row.nudge_id),
        "userId": row.user_id,
        "campaign": row.slug,
        "channel": row.channel,
        "backend": row.backend,
        "status": row.status,
        "reason": row.reason,
        "createdAt": row.created_at,
        "sentAt": row.sent_at,
    }
