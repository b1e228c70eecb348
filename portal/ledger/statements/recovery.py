"""Points that come pay what is owed: a `recovery` debit out of the lots they are in (CONTRACT-EARNING 8.5, R4).

It takes no more than came and no more than is owed, and nothing of what has expired; the oldest debt is paid first. The
caller holds the members' row locks.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import TextClause
from sqlalchemy.orm import Session

from portal.ledger.statements.posting import Written, query_entries

# From `offered`, what came, in the order in which it pays: its lots, and what makes the entry unique.
_RECOVER = """
    , reached AS (
        SELECT o.*, m.owed, coalesce(sum(o.points) OVER (
                   PARTITION BY o.member_id ORDER BY o.ord
                   ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
        FROM offered o JOIN loyalty_members m ON m.id = o.member_id
    ), parts AS (
        SELECT member_id, ord, external_id, metadata, lot_id, least(points, owed - before)::bigint AS points
        FROM reached WHERE before < owed
    ), given AS (
        SELECT min(ord) AS ord, member_id, new_ulid(:now) AS id, 'recovery' AS entry_type,
               -sum(points)::bigint AS amount, 0::bigint AS qualifying, CAST(:now AS timestamptz) AS qualifies_at,
               metadata, NULL::jsonb AS texts, 'owed' AS source, external_id, 'recovery' AS effect,
               CAST(:now AS timestamptz) AS occurred_at, CAST(:now AS timestamptz) AS posted_at,
               NULL::timestamptz AS expires_at, NULL::date AS week, 0::bigint AS pending
        FROM parts GROUP BY member_id, external_id, metadata
    ), takes AS (
        SELECT g.id AS entry_id, p.lot_id, p.points, 0::bigint AS held
        FROM parts p JOIN given g USING (member_id, external_id)
    )
"""
_SETTLE = """
    , debts AS (
        SELECT o.member_id, o.entry_id, o.points - o.recovered - o.written_off AS owed, f.paid,
               coalesce(sum(o.points - o.recovered - o.written_off) OVER (
                   PARTITION BY o.member_id ORDER BY o.owed_at, o.entry_id
                   ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
        FROM (SELECT member_id, -sum(amount) AS paid FROM fresh GROUP BY member_id) f
        JOIN loyalty_owed o ON o.member_id = f.member_id AND o.points > o.recovered + o.written_off
    ), settled AS (
        UPDATE loyalty_owed o SET recovered = o.recovered + least(d.owed, d.paid - d.before)
        FROM debts d WHERE o.member_id = d.member_id AND o.entry_id = d.entry_id AND d.before < d.paid
    )
"""
_FROM_CREDITS = query_entries(
    """
    offered AS (
        SELECT e.member_id, e.seq AS ord, ulid_text(e.id) AS external_id, l.id AS lot_id,
               l.remaining - l.held AS points,
               jsonb_strip_nulls(jsonb_build_object(
                   'settled_from', ulid_text(e.id), 'order_reference', e.metadata -> 'order_reference')) AS metadata
        FROM loyalty_ledger_entries e
        JOIN loyalty_point_expirations l ON l.member_id = e.member_id AND l.id = e.id
        WHERE e.id = ANY(:entry_ids) AND l.remaining > l.held AND (l.expires_at IS NULL OR l.expires_at > :now)
    )
    """
    + _RECOVER,
    _SETTLE,
)
_FROM_HOLDS = query_entries(
    """
    offered AS (
        SELECT f.member_id, row_number() OVER (ORDER BY f.hold_id, l.expires_at, l.seq) AS ord,
               ulid_text(f.hold_id) AS external_id, f.lot_id, f.points,
               jsonb_build_object('redemption_id', ulid_text(f.hold_id)) AS metadata
        FROM unnest(CAST(:member_ids AS uuid[]), CAST(:hold_ids AS uuid[]), CAST(:lot_ids AS uuid[]),
                    CAST(:points AS bigint[])) AS f(member_id, hold_id, lot_id, points)
        JOIN loyalty_point_expirations l ON l.member_id = f.member_id AND l.id = f.lot_id
        WHERE l.expires_at IS NULL OR l.expires_at > :now
    )
    """
    + _RECOVER,
    _SETTLE,
)


class Freed(NamedTuple):
    """Points that a hold has given back to a lot."""

    member_id: UUID
    hold_id: UUID
    lot_id: UUID
    points: int


def recover_from_credits(session: Session, entry_ids: Sequence[UUID], now: datetime) -> list[Written]:
    """Pay what the members of these credits owe, each out of its own lot; returns the entries."""
    return _recover(session, _FROM_CREDITS, {"entry_ids": list(entry_ids), "now": now}) if entry_ids else []


def recover_from_holds(session: Session, freed: Sequence[Freed], now: datetime) -> None:
    """Pay what members owe out of the lots that their holds gave these points back to: an entry for each hold."""
    if freed:
        columns = [list(column) for column in zip(*freed, strict=True)]
        names = ("member_ids", "hold_ids", "lot_ids", "points")
        _recover(session, _FROM_HOLDS, {**dict(zip(names, columns, strict=True)), "now": now})


def _recover(session: Session, statement: TextClause, values: dict[str, object]) -> list[Written]:
    rows = map(Written._make, session.execute(statement, values))
    return sorted(rows, key=lambda row: (row.member_id, -row.balance_after))
