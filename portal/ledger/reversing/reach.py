"""Taking back what was granted: from where, in which order, and what cannot be taken (CONTRACT-EARNING 8.5, R3, R4).

First what is pending of the same grant, then of the others of its cause that count for tiers as it does; what has
expired of the cause's lots counts and takes nothing; then the cause's own lots, then others by expiry. Open holds are
never broken. The rest is owed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.ledger.posting import Take
from portal.platform.documents import Document

PARTS = ("pending", "expired", "own", "others", "owed", "writtenOff")
"""Where taken points come from, in that order, as entries and quotes name it; the last two are not taken."""


class Shortfall(StrEnum):
    """What becomes of points that cannot be taken back: owed, written off, or not even sought in other lots."""

    OWE = "owe"
    AVAILABLE = "available"
    ORDER_ONLY = "order_only"


# Whether an entry is of the cause; with an `effect`, whether it is that credit of it.
_OWN = """(
    e.source = :source AND e.external_id = :external_id AND (CAST(:effect AS text) IS NULL OR e.effect = :effect))
"""
_LOTS = text(f"""
    SELECT l.id, l.remaining - l.held AS points, {_OWN} AS own
    FROM loyalty_point_expirations l
    JOIN loyalty_ledger_entries e ON e.member_id = l.member_id AND e.id = l.id
    WHERE l.member_id = :member_id AND l.remaining > 0 AND l.remaining > l.held
      AND (l.expires_at IS NULL OR l.expires_at > :now OR {_OWN})
    ORDER BY own DESC, l.expires_at, l.seq
""")
# What has expired of the lots of this cause, less what earlier reversals have counted already.
_EXPIRED = text(f"""
    SELECT coalesce((
               SELECT sum(d.points) FROM loyalty_ledger_entries e
               JOIN loyalty_lot_debits d ON d.member_id = e.member_id AND d.lot_id = e.id
               JOIN loyalty_ledger_entries x ON x.member_id = d.member_id AND x.id = d.entry_id
               WHERE e.member_id = :member_id AND {_OWN}
                 AND x.entry_type = 'expiration'), 0)::bigint
         - coalesce((
               SELECT sum((r.metadata -> 'takes' ->> 'expired')::bigint) FROM loyalty_ledger_entries r
               WHERE r.member_id = :member_id AND r.source = :source AND r.external_id = :external_id
                 AND r.entry_type = 'reversal'
                 AND (CAST(:effect AS text) IS NULL OR r.metadata ->> 'reverses' = :effect)), 0)::bigint
""")
_PENDING = text("""
    SELECT effect, points, qualifies_tier FROM loyalty_pending_credits
    WHERE member_id = :member_id AND source = :source AND external_id = :external_id AND activated_at IS NULL
      AND (CAST(:effect AS text) IS NULL OR effect = :effect)
    ORDER BY effect
""")


class Wanted(NamedTuple):
    """Points to take back of the grant with this effect, and whether they count for tiers."""

    effect: str
    points: int
    qualifies: bool = True


class Waiting(NamedTuple):
    """What a pending credit has, and whether that will count for tiers."""

    points: int
    qualifies: bool


@dataclass(frozen=True, slots=True)
class Reach:
    """What a reversal may take of a member's points, in that order: pending by effect, expired, own lots, other lots.

    Pending credits that were taken back whole are among them with 0 points.
    """

    pending: Mapping[str, Waiting]
    expired: int
    own: Sequence[Take]
    others: Sequence[Take]


@dataclass(slots=True)
class Taken:
    """Where the points of one reversal come from. `pending` is by effect; `owed` and `written_off` are not taken."""

    effect: str
    pending: dict[str, int] = field(default_factory=dict)
    expired: int = 0
    own: list[Take] = field(default_factory=list)
    others: list[Take] = field(default_factory=list)
    owed: int = 0
    written_off: int = 0

    @property
    def from_lots(self) -> int:
        """What the balance falls by."""
        return sum(take.points for take in (*self.own, *self.others))

    @property
    def posted(self) -> int:
        """What was active: all but the pending part, which leaves no entry."""
        return self.from_lots + self.expired + self.owed + self.written_off

    def figures(self) -> Document:
        """The parts that are not 0, in points, as the entry keeps them."""
        own, others = (sum(take.points for take in takes) for takes in (self.own, self.others))
        figures = (sum(self.pending.values()), self.expired, own, others, self.owed, self.written_off)
        return {name: points for name, points in zip(PARTS, figures, strict=True) if points}


def read_reach(
    session: Session, member_id: UUID, source: str, external_id: str, now: datetime, effect: str | None = None
) -> Reach:
    """What a reversal for this cause may take; with an `effect`, for that credit of it, to which others are others.

    The caller holds the member's row lock.
    """
    values = {"member_id": member_id, "source": source, "external_id": external_id, "effect": effect}
    lots = session.execute(_LOTS, {**values, "now": now}).all()
    pending = {row.effect: Waiting(row.points, row.qualifies_tier) for row in session.execute(_PENDING, values)}
    return Reach(
        pending,
        session.execute(_EXPIRED, values).scalar_one(),
        [Take(row.id, row.points) for row in lots if row.own],
        [Take(row.id, row.points) for row in lots if not row.own],
    )


def plan_reversals(reach: Reach, wanted: Sequence[Wanted], shortfall: Shortfall) -> list[Taken]:
    """How these points are taken back, one grant after the other: pure."""
    pending, expired = dict(reach.pending), reach.expired
    own, others = list(reach.own), list(reach.others) if shortfall is not Shortfall.ORDER_ONLY else []
    plans = []
    for each in wanted:
        taken = Taken(each.effect)
        left = _take_pending(pending, each, taken.pending)
        taken.expired = min(expired, left)
        expired -= taken.expired
        left = _take(own, left - taken.expired, taken.own)
        left = _take(others, left, taken.others)
        if shortfall is Shortfall.OWE:
            taken.owed = left
        else:
            taken.written_off = left
        plans.append(taken)
    return plans


def _take_pending(pending: dict[str, Waiting], wanted: Wanted, taken: dict[str, int]) -> int:
    """Take points that wait, those of the grant itself first; returns what is still wanted.

    Points of another grant that counts otherwise for tiers stay: what it counts for would be lost, or kept for nothing.
    """
    left = wanted.points
    theirs = {effect: _is_of(effect, wanted.effect) for effect in pending}
    for effect in sorted(pending, key=lambda each: (not theirs[each], each)):
        points, qualifies = pending[effect]
        part = min(points, left)
        if part and (theirs[effect] or qualifies is wanted.qualifies):
            taken[effect] = part
            pending[effect] = Waiting(points - part, qualifies)
            left -= part
    return left


def _is_of(effect: str, grant: str) -> bool:
    """Whether the effect is the grant's own, or of something that was added to it."""
    return effect == grant or effect.startswith(f"{grant}:")


def _take(lots: list[Take], wanted: int, taken: list[Take]) -> int:
    """Move points out of the lots, first ones first; returns what is still wanted."""
    while wanted and lots:
        lot = lots[0]
        part = min(lot.points, wanted)
        taken.append(Take(lot.lot_id, part))
        wanted -= part
        if part == lot.points:
            lots.pop(0)
        else:
            lots[0] = Take(lot.lot_id, lot.points - part)
    return wanted
