"""What is, beside what should be: the nudges of some members and what has to happen to each.

One statement serves the card rail of one member, the sweep over many and the change itself. `action` is null where
nothing has to happen, else

- `make`: there is a cause, and no nudge for it yet;
- `renew`: a cause arose that the live nudge is not about, also where that was dismissed: another one takes its place;
- `refresh`: the same causes read differently now (fewer points, another day);
- `revive`: the cause was gone and is there again, before the nudge's time was over;
- `end`: there is no cause any more, the time is over, or no campaign is active for the signal.

A nudge whose time was over, or that was dismissed, is not made again for the same causes.
"""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text

from portal.nudges.rules import NudgeRules
from portal.nudges.signals import SIGNALS
from portal.nudges.signals.base import MEMBERS
from portal.platform.documents import Document

_CAUSES = " UNION ALL ".join(
    f"SELECT '{signal.name}' AS signal, x.member_id, x.causes, x.facts FROM ({signal.causes}) x"
    for signal in SIGNALS.values()
)
_STATE = f"""
    wanted AS (
        SELECT d.*, c.id AS campaign_id, c.ttl_hours, c.priority, c.channels
        FROM ({_CAUSES}) d JOIN loyalty_nudge_campaigns c ON c.signal = d.signal AND c.active
    ), known AS (
        SELECT DISTINCT ON (n.member_id, n.signal) n.*, n.status <> 'gone' AS live
        FROM loyalty_nudges n WHERE n.member_id = ANY({MEMBERS})
        ORDER BY n.member_id, n.signal, n.status = 'gone', n.created_at DESC, n.id DESC
    ), state AS (
        SELECT coalesce(w.member_id, k.member_id) AS member_id, coalesce(w.signal, k.signal) AS signal, k.id, k.status,
               k.payload, k.created_at, k.expires_at, w.causes, w.facts, w.campaign_id, w.ttl_hours, w.priority,
               w.channels,
               CASE
                   WHEN w.causes IS NULL THEN CASE WHEN k.live THEN 'end' END
                   WHEN k.id IS NULL THEN 'make'
                   WHEN NOT w.causes <@ k.causes THEN CASE WHEN k.live THEN 'renew' ELSE 'make' END
                   WHEN k.expires_at <= :now THEN CASE WHEN k.live THEN 'end' END
                   WHEN k.status = 'dismissed' OR k.dismissed_at IS NOT NULL THEN NULL
                   WHEN NOT k.live THEN 'revive'
                   WHEN (k.payload, k.campaign_id) IS DISTINCT FROM (w.facts, w.campaign_id) THEN 'refresh'
               END AS action
        FROM wanted w FULL JOIN known k ON k.member_id = w.member_id AND k.signal = w.signal
    )"""

_GIVEN = _STATE.replace(MEMBERS, "CAST(:member_ids AS uuid[])")
_OF_USER = _STATE.replace(f"= ANY({MEMBERS})", "= (SELECT me.id FROM me)")

SHOWN = "s.status IN ('active', 'acknowledged')"
COLUMNS = "s.id, s.signal, s.status, s.payload, s.priority, s.channels, s.created_at, s.expires_at"

# For one user: a row for each nudge that is shown and for each action; a row of nulls where there is neither.
OF_USER = f"""
    WITH me AS MATERIALIZED (SELECT id FROM loyalty_members WHERE user_id = :user_id), {_OF_USER}
    SELECT {COLUMNS}, s.action, u.locale, u.timezone
    FROM users u LEFT JOIN state s ON s.action IS NOT NULL OR {SHOWN}
    WHERE u.id = :user_id
"""
BEHIND = text(f"WITH {_GIVEN} SELECT DISTINCT member_id FROM state WHERE action IS NOT NULL")

# `unsent` are those that ended and were still to be sent, or sent again: what is not sent has a reason all the same.
# What becomes new leaves its row, and its dispatches, as history: that row ends before another one begins, since only
# one is live for a member and signal.
APPLY = text(f"""
    WITH {_GIVEN}, changed AS (
        UPDATE loyalty_nudges n SET
            status = CASE s.action WHEN 'end' THEN 'gone' WHEN 'renew' THEN 'gone' WHEN 'refresh' THEN n.status
                ELSE CASE WHEN n.acknowledged_at IS NULL THEN 'active' ELSE 'acknowledged' END END,
            payload = CASE s.action WHEN 'renew' THEN n.payload ELSE coalesce(s.facts, n.payload) END,
            campaign_id = coalesce(s.campaign_id, n.campaign_id),
            updated_at = :now
        FROM state s WHERE n.member_id = s.member_id AND n.id = s.id AND s.action <> 'make'
        RETURNING s.action, n.id, s.status = 'active' AND s.action IN ('end', 'renew')
            AND n.next_dispatch_at IS NOT NULL AS unsent
    ), ended AS MATERIALIZED (
        SELECT count(*) AS nudges, count(*) FILTER (WHERE action = 'renew') AS renewed FROM changed
    ), made AS (
        INSERT INTO loyalty_nudges (member_id, id, campaign_id, signal, fingerprint, causes, status, payload,
            created_at, updated_at, expires_at, next_dispatch_at)
        SELECT s.member_id, new_ulid(:now), s.campaign_id, s.signal, s.causes[cardinality(s.causes)]::text, s.causes,
               'active', s.facts, :now, :now, :now + make_interval(hours => s.ttl_hours), :now
        FROM state s WHERE s.action IN ('make', 'renew') AND (SELECT nudges FROM ended) >= 0
        ORDER BY s.member_id, s.signal
        ON CONFLICT DO NOTHING
        RETURNING id
    )
    SELECT action, count(*) AS nudges, array_agg(id) FILTER (WHERE unsent) AS unsent FROM changed GROUP BY action
    UNION ALL SELECT 'make', (SELECT count(*) FROM made) - (SELECT renewed FROM ended), NULL
""")


class CardRow(NamedTuple):
    """A nudge with its campaign's words on how to show it, and who reads; null of the nudge where there is none."""

    id: UUID
    signal: str
    status: str
    payload: Document
    priority: int
    channels: list[str]
    created_at: datetime
    expires_at: datetime
    action: str | None
    locale: str | None
    timezone: str | None


def values(rules: NudgeRules, now: datetime) -> dict[str, object]:
    """What the statements know of the rules."""
    bounds: dict[str, object] = {"now": now}
    for signal in SIGNALS.values():
        bounds.update(signal.bounds(rules, now))
    return bounds


def values_for(rules: NudgeRules, now: datetime, member_ids: Collection[UUID]) -> dict[str, object]:
    """The same, for these members."""
    return {**values(rules, now), "member_ids": list(member_ids)}
