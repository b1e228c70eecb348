"""Compares the nudges that members have with those they should have, and tells what must happen to each.

One statement serves the card rail of one member, the sweep over many and the change itself. `action` is null if nothing
must happen, else

- `make`: there is a cause, and no nudge for it yet;
- `renew`: there is a new cause that the live nudge, even a dismissed one, is not about: another nudge replaces it;
- `refresh`: the facts of the same causes, or the campaign, have changed (fewer points, another day);
- `revive`: the cause was gone and has returned before the nudge expired;
- `end`: there is no cause any more, the nudge has expired, or no campaign is active for the signal.

A nudge that has expired or was dismissed is not made again for the same causes.
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

# For one user: a row for each nudge that is shown or has an action; one row of nulls if there is none.
OF_USER = f"""
    WITH me AS MATERIALIZED (SELECT id FROM loyalty_members WHERE user_id = :user_id), {_OF_USER}
    SELECT {COLUMNS}, s.action, u.locale, u.timezone
    FROM users u LEFT JOIN state s ON s.action IS NOT NULL OR {SHOWN}
    WHERE u.id = :user_id
"""
BEHIND = text(f"WITH {_GIVEN} SELECT DISTINCT member_id FROM state WHERE action IS NOT NULL")

# `unsent` are nudges that ended while they were still to be sent: not sending them needs a recorded reason. A renewed
# nudge keeps its row and dispatches as history: that row ends before the new one is inserted, since only one may be
# live for a member and signal.
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
    """A nudge with its campaign's priority and channels, and its reader; without a nudge its columns are None."""

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
    """The parameters of the statements that follow from the rules."""
    bounds: dict[str, object] = {"now": now}
    for signal in SIGNALS.values():
        bounds.update(signal.bounds(rules, now))
    return bounds


def values_for(rules: NudgeRules, now: datetime, member_ids: Collection[UUID]) -> dict[str, object]:
    """As `values`, for these members."""
    return {**values(rules, now), "member_ids": list(member_ids)}
