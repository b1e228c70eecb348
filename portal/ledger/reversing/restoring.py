"""Giving back what a debit took, and taking it again when that was undone (CONTRACT-EARNING 8.5, R8 and R9).

A debit and all that is given back of it have one source and external id, so that what it has of each lot is one sum.
Points go back to the lots they came from, what was taken last first, whatever has become of these lots; a lot whose
date comes too soon gets a later one, once. What a lot cannot get back, because it was taken again from elsewhere or is
owed since, opens a lot of its own.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.ledger.expiry import expire_due
from portal.ledger.models import EntryType
from portal.ledger.posting import Entry, Posting, Take, Texts, post
from portal.ledger.reversing.owed import note_shortfalls
from portal.ledger.reversing.reach import Reach, Shortfall, Wanted, plan_reversals, read_reach
from portal.platform.documents import Document, to_json

# What the debit has of each lot now: what was taken less what was given back.
_TAKEN = text("""
    SELECT l.id, sum(d.points)::bigint AS points, l.expires_at, l.extended_at IS NULL AS may_extend
    FROM loyalty_ledger_entries e
    JOIN loyalty_lot_debits d ON d.member_id = e.member_id AND d.entry_id = e.id
    JOIN loyalty_point_expirations l ON l.member_id = d.member_id AND l.id = d.lot_id
    WHERE e.member_id = :member_id AND e.source = :source AND e.external_id = :external_id
    GROUP BY l.id, l.seq, l.expires_at, l.extended_at HAVING sum(d.points) > 0
    ORDER BY l.expires_at DESC, l.seq DESC
""")
_EXTEND = text("""
    UPDATE loyalty_point_expirations l SET expires_at = d.expires_at, extended_at = :now
    FROM json_to_recordset(CAST(:dates AS json)) AS d(lot_id uuid, expires_at timestamptz)
    WHERE l.member_id = :member_id AND l.id = d.lot_id
""")
# What restores have given back to each lot, less what was taken again there, and what has expired of that since.
_GIVEN = text("""
    SELECT g.lot_id, g.points, least(g.points, coalesce((
               SELECT sum(d.points) FROM loyalty_lot_debits d
               JOIN loyalty_ledger_entries x ON x.member_id = d.member_id AND x.id = d.entry_id
               WHERE d.member_id = :member_id AND d.lot_id = g.lot_id AND x.entry_type = 'expiration'
                 AND x.seq > g.since), 0))::bigint AS expired
    FROM (SELECT lot_id, sum(points)::bigint AS points, min(seq) AS since FROM (
              SELECT d.lot_id, -d.points AS points, e.seq FROM loyalty_ledger_entries e
              JOIN loyalty_lot_debits d ON d.member_id = e.member_id AND d.entry_id = e.id
              WHERE e.member_id = :member_id AND e.source = :source AND e.external_id = :external_id
                AND e.entry_type = 'reversal'
              UNION ALL
              SELECT l.id, l.points, l.seq FROM loyalty_ledger_entries e
              JOIN loyalty_point_expirations l ON l.member_id = e.member_id AND l.id = e.id
              WHERE e.member_id = :member_id AND e.source = :source AND e.external_id = :external_id) moved
          GROUP BY lot_id HAVING sum(points) > 0) g
""")
_COUNT = text("""
    SELECT count(*) AS entries, coalesce(sum((metadata -> 'takes' ->> 'expired')::bigint), 0)::bigint AS expired
    FROM loyalty_ledger_entries WHERE member_id = :member_id AND source = :source AND external_id = :external_id
""")


class _Counted(NamedTuple):
    """The entries of a debit and its restores, and what of these was counted as expired."""

    entries: int
    expired: int


class Debit(NamedTuple):
    """What points were debited for: the debit and its restores are the entries of this source and external id."""

    member_id: UUID
    source: str
    external_id: str


@dataclass(frozen=True, slots=True)
class Restored:
    """Points that go back to a lot, which then expires at `expires_at` (None: never); `extended`: later than before.

    `lot_id` None: to a lot of their own.
    """

    lot_id: UUID | None
    points: int
    expires_at: datetime | None
    extended: bool = False


def plan_restore(session: Session, debit: Debit, points: int, now: datetime, grace: timedelta) -> list[Restored]:
    """Where so many points of a debit would go back to, and when they would expire; writes nothing."""
    plan, left, until = list[Restored](), points, now + grace
    for lot_id, taken, expires_at, may_extend in session.execute(_TAKEN, debit._asdict()):
        part = min(taken, left)
        if not part:
            break
        extended = may_extend and expires_at is not None and expires_at < until
        plan.append(Restored(lot_id, part, until if extended else expires_at, extended))
        left -= part
    return [*plan, Restored(None, left, until)] if left else plan


def restore_points(
    session: Session,
    debit: Debit,
    points: int,
    now: datetime,
    *,
    grace: timedelta,
    metadata: Document,
    texts: Texts | None = None,
) -> Entry:
    """Give back so many points of a debit, to the lots that they came from; `metadata` and `texts` say for what.

    They count for no tier and no streak, and pay no debt. What else is past its date in these lots expires first, so
    that it does not come back with them. The caller holds the member's row lock, and gives back no more than was taken.
    """
    plan = plan_restore(session, debit, points, now, grace)
    extended = [{"lot_id": each.lot_id, "expires_at": each.expires_at} for each in plan if each.extended]
    if extended:
        expire_due(session, debit.member_id, now)
    own = next((each for each in plan if each.lot_id is None), None)
    posting = Posting(
        debit.member_id,
        points,
        EntryType.REVERSAL,
        debit.source,
        debit.external_id,
        f"restore:{_count(session, debit).entries}",
        now,
        metadata,
        texts,
        expires_at=own.expires_at if own else None,
        takes=tuple(Take(each.lot_id, -each.points) for each in plan if each.lot_id),
    )
    entry = post(session, [posting], now).entries[0]
    if extended:
        session.execute(_EXTEND, {"member_id": debit.member_id, "now": now, "dates": to_json(extended).decode()})
    return entry


def retake_points(
    session: Session,
    debit: Debit,
    points: int,
    shortfall: Shortfall,
    now: datetime,
    *,
    metadata: Document,
    texts: Texts | None = None,
) -> Entry:
    """Take back so many points that were restored of a debit, as that was undone (R8, by R3).

    What has expired of them counts; then the lots that got them back are taken from, then others by expiry. The caller
    holds the member's row lock, and takes no more than was restored.
    """
    (taken,) = plan_reversals(_reach(session, debit, now), [Wanted("", points)], shortfall)
    posting = Posting(
        debit.member_id,
        -taken.from_lots,
        EntryType.REVERSAL,
        debit.source,
        debit.external_id,
        f"retake:{_count(session, debit).entries}",
        now,
        {**metadata, "takes": taken.figures()},
        texts,
        takes=_merged([*taken.own, *taken.others]),
    )
    entry = post(session, [posting], now).entries[0]
    note_shortfalls(session, debit.member_id, [(entry.id, taken)], now)
    return entry


def _reach(session: Session, debit: Debit, now: datetime) -> Reach:
    """What may be taken of what was restored: expired, then of the lots that got it back, then of all others."""
    given = {row.lot_id: row for row in session.execute(_GIVEN, debit._asdict())}
    reach = read_reach(session, *debit, now)
    free = [*reach.own, *reach.others]
    own = [replace(lot, points=min(lot.points, given[lot.lot_id].points)) for lot in free if lot.lot_id in given]
    part = {lot.lot_id: lot.points for lot in own}
    rest = [replace(lot, points=lot.points - part.get(lot.lot_id, 0)) for lot in free]
    expired = sum(row.expired for row in given.values()) - _count(session, debit).expired
    return Reach({}, max(expired, 0), own, [lot for lot in rest if lot.points])


def _merged(takes: list[Take]) -> tuple[Take, ...]:
    """One take for each lot."""
    points = dict.fromkeys((take.lot_id for take in takes), 0)
    for take in takes:
        points[take.lot_id] += take.points
    return tuple(Take(lot_id, part) for lot_id, part in points.items())


def _count(session: Session, debit: Debit) -> _Counted:
    return _Counted(*session.execute(_COUNT, debit._asdict()).one())
