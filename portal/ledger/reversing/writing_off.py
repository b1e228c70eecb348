"""Giving up what a member owes: by hand with a reason, or by itself once it is old (CONTRACT-EARNING 8.5, R4)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.ledger.reversing.owed import TOO_OLD
from portal.ledger.rules import EarningRules
from portal.members import lock_members
from portal.platform import audit, ids
from portal.platform.audit import Act
from portal.platform.clock import add_months, start_of_day
from portal.platform.formatting import grouped
from portal.platform.problems import Conflict, InvalidInput
from portal.platform.steps import Figures

_OWED = text("SELECT owed FROM loyalty_members WHERE id = :member_id")
_WRITE_OFF = text("""
    WITH debts AS (
        SELECT entry_id, points - recovered - written_off AS owed,
               coalesce(sum(points - recovered - written_off) OVER (
                   ORDER BY owed_at, entry_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
        FROM loyalty_owed WHERE member_id = :member_id AND points > recovered + written_off
    ), given_up AS (
        UPDATE loyalty_owed o
        SET written_off = o.written_off + least(d.owed, :points - d.before), written_off_at = :now, reason = :reason
        FROM debts d WHERE o.member_id = :member_id AND o.entry_id = d.entry_id AND d.before < :points
    )
    UPDATE loyalty_members SET owed = owed - :points WHERE id = :member_id
""")
_LOCK_OLD = text("""
    SELECT id FROM loyalty_members
    WHERE id IN (
        SELECT member_id FROM loyalty_owed WHERE points > recovered + written_off AND owed_at < :before
        ORDER BY owed_at, member_id LIMIT :limit)
    ORDER BY id FOR UPDATE
""")
_WRITE_OFF_OLD = text("""
    WITH old AS (
        SELECT member_id, entry_id, points - recovered - written_off AS owed FROM loyalty_owed
        WHERE member_id = ANY(:ids) AND points > recovered + written_off AND owed_at < :before
    ), given_up AS (
        UPDATE loyalty_owed o SET written_off = o.written_off + d.owed, written_off_at = :now, reason = :reason
        FROM old d WHERE o.member_id = d.member_id AND o.entry_id = d.entry_id
    )
    UPDATE loyalty_members m SET owed = m.owed - d.points
    FROM (SELECT member_id, sum(owed)::bigint AS points FROM old GROUP BY member_id) d WHERE m.id = d.member_id
    RETURNING m.id, m.owed, d.points
""")


class NothingOwed(Conflict):
    """The member owes no points, so that there is nothing to write off."""

    code = "nothing_owed"
    title = "Nothing is owed"

    def __init__(self) -> None:
        super().__init__("They owe no points.")


def write_off(session: Session, member_id: UUID, points: int | None, act: Act) -> int:
    """Give up so many of the points a member owes (None: all), oldest debt first; returns how many.

    Written to the audit log; the debts keep the reason.

    :raises NothingOwed: if nothing is owed.
    :raises InvalidInput: if less is owed.
    """
    lock_members(session, [member_id])
    owed = session.scalars(_OWED, {"member_id": member_id}).one()
    if owed == 0:
        raise NothingOwed
    if points is not None and points > owed:
        raise InvalidInput(("points", f"must be {grouped(owed)} or less: no more is owed"))
    given_up = owed if points is None else points
    values = {"member_id": member_id, "points": given_up, "now": act.now, "reason": act.reason}
    session.execute(_WRITE_OFF, values)
    _record(session, act, member_id, owed, owed - given_up)
    return given_up


def write_off_old(
    session: Session, now: datetime, *, months: int, rules: EarningRules, limit: int = 500
) -> Figures | None:
    """Give up up to `limit` debts older than `months`, with all such debts of their members; the oldest come first.

    A debt is that old once the day, in the programme's time zone, is over on which it becomes so. Returns `{members,
    points}`; None means that nothing is left, which is always so if `months` is 0. It is idempotent: running it again,
    concurrently or late changes nothing more. Written to the audit log, an entry for each member.
    """
    if not months:
        return None
    before = start_of_day(add_months(now.astimezone(rules.zone).date(), -months), rules.zone)
    member_ids = list(session.scalars(_LOCK_OLD, {"before": before, "limit": limit}))
    if not member_ids:
        return None
    rows = session.execute(_WRITE_OFF_OLD, {"ids": member_ids, "before": before, "now": now, "reason": TOO_OLD}).all()
    act = Act("job:owed_write_off", now, f"Owed for more than {months} {'month' if months == 1 else 'months'}")
    for row in rows:
        _record(session, act, row.id, row.owed + row.points, row.owed)
    return {"members": len(rows), "points": sum(row.points for row in rows)}


def _record(session: Session, act: Act, member_id: UUID, before: int, after: int) -> None:
    audit.record(
        session,
        act,
        action="owed.write_off",
        object_type="member",
        object_id=ids.encode(member_id),
        before={"owed": before},
        after={"owed": after},
    )
