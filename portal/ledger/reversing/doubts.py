"""Tiers in doubt: at the end of a day, those that what was reversed on it had opened are taken back (R10).

Whoever is left below their tier by a reversal is noted with it as it is posted. Once the day has ended in the
programme's time zone, a step of `loyalty_progression` judges their tiers, by batches of locked members.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.ledger.rules import EarningRules
from portal.platform.clock import start_of_day, start_of_next_day
from portal.platform.db import Base
from portal.platform.documents import Document
from portal.platform.steps import EVERYBODY, Figures, Shard
from portal.tiers import Doubted, Rise, foresee, take_back_tiers


class TierDoubt(Base):
    """A reversal that has left its member below their tier, until the day has ended: the points that count less."""

    __tablename__ = "loyalty_tier_doubts"

    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    entry_id: Mapped[UUID] = mapped_column(primary_key=True)
    points: Mapped[int] = mapped_column(BigInteger)
    posted_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["member_id", "entry_id"], ["loyalty_ledger_entries.member_id", "loyalty_ledger_entries.id"]
        ),
        CheckConstraint("points > 0", name="points"),
        Index("ix_loyalty_tier_doubts_posted_at", "posted_at", "member_id"),
    )


_LOCK_DUE = text("""
    SELECT m.id FROM loyalty_members m
    WHERE m.id IN (
        SELECT member_id FROM loyalty_tier_doubts
        WHERE posted_at < :closed AND get_byte(uuid_send(member_id), 15) % :of = :number
        ORDER BY posted_at, member_id LIMIT :limit)
    ORDER BY m.id FOR UPDATE
""")
# What is left at the end of the last day: a reversal of today counts when today has ended.
_MEMBERS = text("""
    SELECT m.id, m.tier_id, m.lifetime_earned + coalesce((
               SELECT sum(points) FROM loyalty_tier_doubts
               WHERE member_id = m.id AND posted_at >= :closed), 0)::bigint AS points
    FROM loyalty_members m WHERE m.id = ANY(:ids) AND m.tier_id IS NOT NULL ORDER BY m.id
""")
# Each rise of these members, and what has been reversed since of what had been granted by then. What was granted again
# for the same cause (a refund that was undone) counts for it. A reversal has the date of its refund, else its own.
_RISES = text("""
    SELECT c.member_id, c.from_tier_id, c.to_tier_id, c.threshold, c.lifetime_earned,
           c.lifetime_earned - coalesce(r.points, 0)::bigint AS deserved, c.changed_at
    FROM loyalty_tier_changes c
    CROSS JOIN LATERAL (
        SELECT sum(least(given, greatest(taken - again, 0))) AS points FROM (
            SELECT coalesce(sum(e.qualifying) FILTER (WHERE e.seq <= c.last_seq), 0) AS given,
                   coalesce(sum(e.qualifying) FILTER (WHERE e.seq > c.last_seq AND e.qualifying > 0), 0) AS again,
                   coalesce(-sum(e.qualifying) FILTER (
                       WHERE e.seq > c.last_seq AND e.qualifying < 0 AND e.posted_at < :closed
                         AND coalesce((e.metadata ->> 'refunded_at')::timestamptz, e.occurred_at)
                             <= c.changed_at + CAST(:within AS interval)), 0) AS taken
            FROM loyalty_ledger_entries e
            WHERE e.member_id = c.member_id AND e.qualifying <> 0 AND (e.source, e.external_id) IN (
                SELECT x.source, x.external_id FROM loyalty_ledger_entries x
                WHERE x.member_id = c.member_id AND x.seq > c.last_seq AND x.qualifying < 0)
            GROUP BY e.source, e.external_id) causes
        WHERE CAST(:within AS interval) > interval '0') r
    WHERE c.member_id = ANY(:ids) AND c.reason = 'reached' ORDER BY c.member_id, c.last_seq, c.id
""")
_IN_DOUBT = text("SELECT EXISTS (SELECT FROM loyalty_tier_doubts WHERE member_id = :id)")
_TIER = text("SELECT t.slug FROM loyalty_members m LEFT JOIN loyalty_tiers t ON t.id = m.tier_id WHERE m.id = :id")
_SETTLE = text("DELETE FROM loyalty_tier_doubts WHERE member_id = ANY(:ids) AND posted_at < :closed")


def tell_date(refunded_at: datetime | None) -> Document:
    """When a refund was made, as the entries that reverse for it keep it: that date decides which tiers it undoes."""
    return {} if refunded_at is None else {"refunded_at": refunded_at.isoformat()}


def settle_doubts(
    session: Session,
    now: datetime,
    *,
    rules: EarningRules,
    within: timedelta,
    limit: int = 500,
    shard: Shard = EVERYBODY,
) -> Figures | None:
    """Judge the tiers of up to `limit` members of the shard whose points were reversed before today.

    A tier that was reached up to `within` before the reversal is taken back if it would not have been reached without
    what was reversed, and what is left does not reach it. Returns `{members, unearned}`: 0 if another sweep has judged
    them meanwhile; None means that none is left.
    """
    closed = start_of_day(now.astimezone(rules.zone).date(), rules.zone)
    due = {"closed": closed, "number": shard.number, "of": shard.of, "limit": limit}
    member_ids = list(session.scalars(_LOCK_DUE, due))
    if not member_ids:
        return None
    doubted = _find_doubted(session, member_ids, closed, within)
    unearned = take_back_tiers(session, doubted, now)
    session.execute(_SETTLE, {"ids": member_ids, "closed": closed})
    return {"members": len(doubted), "unearned": unearned}


def foresee_tier(
    session: Session, member_id: UUID, now: datetime, *, rules: EarningRules, within: timedelta
) -> str | None:
    """The slug of the tier that a member will have once today has ended, if nothing else happens; None: none."""
    if session.scalar(_IN_DOUBT, {"id": member_id}):
        closed = start_of_next_day(now.astimezone(rules.zone).date(), rules.zone)
        for doubted in _find_doubted(session, [member_id], closed, within):
            return foresee(session, doubted, now)
    tier: str | None = session.scalar(_TIER, {"id": member_id})
    return tier


def _find_doubted(session: Session, member_ids: Sequence[UUID], closed: datetime, within: timedelta) -> list[Doubted]:
    values = {"ids": list(member_ids), "closed": closed, "within": within}
    rises = {
        member_id: [Rise(*row[1:]) for row in rows]
        for member_id, rows in groupby(session.execute(_RISES, values), key=lambda row: row.member_id)
    }
    return [
        Doubted(row.id, row.tier_id, row.points, rises.get(row.id, ())) for row in session.execute(_MEMBERS, values)
    ]
