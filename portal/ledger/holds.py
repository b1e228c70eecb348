"""Holds: points reserved in chosen lots, then debited or released (CONTRACT rules 2, 4 and 6)."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.ledger.posting import Take
from portal.ledger.statements import Freed, recover_from_holds
from portal.platform.formatting import grouped
from portal.platform.problems import Conflict

# Free points of usable lots in the order they are taken: earliest expiry first, never-expiring last, then age.
_FREE = """
    free AS (
        SELECT id, remaining - held AS points,
               coalesce(sum(remaining - held) OVER (
                   ORDER BY expires_at, seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
        FROM loyalty_point_expirations
        WHERE member_id = :member_id AND remaining > 0 AND remaining > held
          AND (expires_at IS NULL OR expires_at > :now)
    ), taken AS (
        SELECT id, least(points, :points - before)::bigint AS points FROM free WHERE before < :points
    ), covered AS (
        SELECT coalesce(sum(points), 0)::bigint AS points FROM taken
    )
"""

_ALLOCATE = text(f"WITH {_FREE} SELECT id, points FROM taken")

_HOLD = text(f"""
    WITH {_FREE}, enough AS (SELECT points FROM covered WHERE points = :points), lots AS (
        UPDATE loyalty_point_expirations l SET held = l.held + t.points
        FROM taken t, enough WHERE l.member_id = :member_id AND l.id = t.id
    ), noted AS (
        INSERT INTO loyalty_hold_allocations (member_id, redemption_id, lot_id, points)
        SELECT :member_id, :hold_id, t.id, t.points FROM taken t, enough
    ), totals AS (
        UPDATE loyalty_members m SET held = m.held + enough.points FROM enough WHERE m.id = :member_id
    )
    SELECT points FROM covered
""")

_TAKE_HELD = text("""
    DELETE FROM loyalty_hold_allocations WHERE member_id = :member_id AND redemption_id = :hold_id
    RETURNING lot_id, points
""")

_RELEASE = text("""
    WITH freed AS (
        DELETE FROM loyalty_hold_allocations WHERE redemption_id = ANY(:hold_ids) AND member_id = ANY(:member_ids)
        RETURNING member_id, redemption_id, lot_id, points
    ), lots AS (
        UPDATE loyalty_point_expirations l SET held = l.held - f.points
        FROM (SELECT member_id, lot_id, sum(points)::bigint AS points FROM freed GROUP BY member_id, lot_id) f
        WHERE l.member_id = f.member_id AND l.id = f.lot_id
    ), totals AS (
        UPDATE loyalty_members m SET held = m.held - f.points
        FROM (SELECT member_id, sum(points)::bigint AS points FROM freed GROUP BY member_id) f WHERE m.id = f.member_id
        RETURNING m.id, m.owed
    )
    SELECT f.member_id, f.redemption_id, f.lot_id, f.points
    FROM freed f JOIN totals t ON t.id = f.member_id WHERE t.owed > 0
""")


class InsufficientPoints(Conflict):
    """Fewer points are available than requested; the response contains `available` and `required`."""

    code = "insufficient_points"
    title = "Not enough points"

    def __init__(self, available: int, required: int) -> None:
        super().__init__(
            f"{grouped(required)} points are needed and {grouped(available)} are available.",
            extra={"available": available, "required": required},
        )


def hold_points(session: Session, member_id: UUID, hold_id: UUID, points: int, now: datetime) -> None:
    """Hold `points` for a redemption, allocated to lots now. The caller holds the member's row lock.

    :raises InsufficientPoints: if fewer points are available; then nothing is held.
    """
    values = {"member_id": member_id, "hold_id": hold_id, "points": points, "now": now}
    covered = session.scalars(_HOLD, values).one()
    if covered < points:
        raise InsufficientPoints(covered, points)


def choose_lots(session: Session, member_id: UUID, points: int, now: datetime) -> tuple[Take, ...]:
    """The lots that a debit of `points` takes. The caller holds the member's row lock.

    :raises InsufficientPoints: if fewer points are available.
    """
    rows = session.execute(_ALLOCATE, {"member_id": member_id, "points": points, "now": now}).all()
    available = sum(row.points for row in rows)
    if available < points:
        raise InsufficientPoints(available, points)
    return tuple(Take(*row) for row in rows)


def take_held_points(session: Session, member_id: UUID, hold_id: UUID) -> tuple[Take, ...]:
    """End a hold so that its points can be debited; returns the takes. The caller holds the member's row lock."""
    rows = session.execute(_TAKE_HELD, {"member_id": member_id, "hold_id": hold_id})
    return tuple(Take(row.lot_id, row.points, held=row.points) for row in rows)


def release_holds(session: Session, member_ids: Collection[UUID], hold_ids: Collection[UUID], now: datetime) -> None:
    """Give the points of these holds back to their lots; of members who owe points, they pay that first.

    The caller holds the members' row locks.
    """
    rows = session.execute(_RELEASE, {"hold_ids": list(hold_ids), "member_ids": list(member_ids)})
    recover_from_holds(session, [Freed(*row) for row in rows], now)
