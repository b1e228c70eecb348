"""A member's timeline: point changes, redemptions and invites merged newest first, a page at a time."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import text

from portal.hub.timeline_sentences import EventRow, describe
from portal.platform import clock
from portal.platform.db.cursors import decode, encode
from portal.platform.db.reads import read_all
from portal.platform.documents import Document
from portal.platform.ids import encode as ulid
from portal.platform.ids import parse
from portal.referrals import EFFECTIVE_STATUS


class Kind(StrEnum):
    """The sources of the timeline."""

    LEDGER = "ledger"
    REDEMPTION = "redemption"
    REFERRAL = "referral"


# An event's position never changes: a point change is placed by its `occurred_at`, a redemption by the time of its
# request, an invite by its creation, whatever their status is now. Each source is read by an index in exactly this
# order, and no further than the page (EXISTS would be planned as a hash of all redemptions).
_PAGE = text(f"""
    SELECT e.* FROM loyalty_members m CROSS JOIN LATERAL (
        (SELECT 'ledger' AS kind, l.occurred_at, l.seq, l.id, l.entry_type AS state, l.amount AS points,
                t.description AS what, coalesce(t.metadata, '{{}}'::jsonb) || l.metadata AS facts, NULL AS reason,
                NULL::timestamptz AS settled_at, false AS can_retry
         FROM loyalty_ledger_entries l
         LEFT JOIN loyalty_ledger_texts t ON t.member_id = l.member_id AND t.entry_id = l.id
         WHERE l.member_id = m.id AND (l.occurred_at, l.seq) < (:ledger_at, :ledger_tie)
         ORDER BY l.occurred_at DESC, l.seq DESC LIMIT :ledger_limit)
        UNION ALL
        (SELECT 'redemption', r.requested_at, 0, r.id, r.status, r.points, r.description,
                jsonb_build_object('failure_reason', r.failure_reason, 'reward_slug',
                    (SELECT w.slug FROM loyalty_rewards w WHERE w.id = r.reward_id)),
                r.failure_reason, r.closed_at,
                r.status = 'failed' AND (
                    SELECT n.id FROM loyalty_redemptions n
                    WHERE n.member_id = r.member_id AND n.retry_of = r.id) IS NULL
         FROM loyalty_redemptions r
         WHERE r.member_id = m.id AND (r.requested_at, r.id) < (:redemption_at, :redemption_tie)
         ORDER BY r.requested_at DESC, r.id DESC LIMIT :redemption_limit)
        UNION ALL
        (SELECT 'referral', i.created_at, 0, i.id,
                {EFFECTIVE_STATUS}, i.reward_points, coalesce(i.invitee_name, i.invitee_email),
                jsonb_build_object('referral_code', i.code, 'channel', i.channel), NULL,
                CASE WHEN i.status = 'converted' THEN (
                    SELECT c.occurred_at FROM loyalty_ledger_entries c
                    WHERE c.member_id = i.member_id AND c.source = 'referral' AND c.external_id = ulid_text(i.id)
                      AND c.effect = 'referrer') END, false
         FROM loyalty_referral_invites i
         WHERE i.member_id = m.id AND (i.created_at, i.id) < (:referral_at, :referral_tie)
         ORDER BY i.created_at DESC, i.id DESC LIMIT :referral_limit)
    ) e WHERE m.user_id = :user_id
""")

# At the same instant an effect comes above its cause: the debit above the redemption, the bonus above the invite.
_RANK = {Kind.REFERRAL: 0, Kind.REDEMPTION: 1, Kind.LEDGER: 2}
_SOURCES = {"ledger": Kind.LEDGER, "redemptions": Kind.REDEMPTION, "referrals": Kind.REFERRAL}
_LAST = {Kind.LEDGER: 2**62, Kind.REDEMPTION: 2**128 - 1, Kind.REFERRAL: 2**128 - 1}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(9999, 12, 31, tzinfo=UTC)

Position = tuple[datetime, int]
"""Where a source continues: before this time, or at this time before this seq (of the ledger) or id."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """A page of events, newest first, and the cursor of the next; `after` is the time of the event before the page."""

    items: list[dict[str, Any]]
    cursor_token: str | None
    after: datetime | None = None

    def serialize(self) -> Document:
        """The page as the API shows it."""
        return {"items": self.items, "cursorToken": self.cursor_token, "hasMore": self.cursor_token is not None}


def list_timeline(
    user_id: str, kinds: Sequence[Kind] = (), *, limit: int = 20, cursor_token: str | None = None
) -> Timeline:
    """A page of a user's events of these kinds (none: all), in one statement.

    Walking the pages shows each event that existed at the start exactly once, in order, whatever is written meanwhile.

    :raises portal.platform.db.cursors.InvalidCursor: if the token was not issued for this user and these kinds.
    """
    wanted = sorted(set(kinds) or set(Kind))
    scope = ("timeline", user_id, wanted)
    positions = _read(decode(cursor_token, *scope))
    values: dict[str, Any] = {"user_id": user_id, "now": clock.now()}
    for kind in Kind:
        at, tie = positions.get(kind, (_LATEST, _LAST[kind]))
        values[f"{kind}_at"], values[f"{kind}_tie"] = at, tie if kind is Kind.LEDGER else UUID(int=tie)
        values[f"{kind}_limit"] = limit + 1 if kind in wanted else 0
    merged = _merge(read_all(_PAGE, values), limit + 1)
    rows = merged[:limit]
    token = encode(_written(rows[-1], wanted), *scope) if len(merged) > limit else None
    after = max((at for at, _ in positions.values()), default=None)
    return Timeline([_item(row) for row in rows], token, after)


def _key(row: EventRow) -> tuple[datetime, int, int]:
    return row.occurred_at, _RANK[Kind(row.kind)], row.seq or row.id.int


def _merge(rows: list[EventRow], most: int) -> list[EventRow]:
    """The newest of the sources' rows, each of which comes newest first."""
    sources = [[row for row in rows if row.kind == kind] for kind in Kind]
    return list(islice(heapq.merge(*sources, key=_key, reverse=True), most))


def _written(last: EventRow, kinds: Sequence[Kind]) -> dict[str, list[int | str]]:
    """One cursor per source, all just after the last event shown, even for a source that has shown none yet.

    Otherwise events written to that source during the walk would appear among older events.
    """
    at, rank, tie = _key(last)
    micros = (at - _EPOCH) // timedelta(microseconds=1)
    cursors: dict[str, list[int | str]] = {}
    for source, kind in _SOURCES.items():
        behind = tie if _RANK[kind] == rank else 0 if _RANK[kind] > rank else _LAST[kind]
        if kind in kinds:
            cursors[source] = [micros, behind if kind is Kind.LEDGER else ulid(UUID(int=behind))]
    return cursors


def _read(cursors: dict[str, list[Any]] | None) -> dict[Kind, Position]:
    return {_SOURCES[source]: _position(*at) for source, at in (cursors or {}).items()}


def _position(micros: int, tie: int | str) -> Position:
    behind = tie if isinstance(tie, int) else (parse(tie) or UUID(int=0)).int
    return _EPOCH + timedelta(microseconds=micros), behind


def _item(row: EventRow) -> Document:
    words = describe(row)
    return {
        "id": ulid(row.id),
        "kind": row.kind,
        "occurredAt": row.occurred_at,
        "title": words.title,
        "detail": words.detail,
        "points": row.points or None,
        "status": None if row.kind == Kind.LEDGER else row.state,
        "metadata": row.facts,
        "canRetry": row.can_retry,
    }
