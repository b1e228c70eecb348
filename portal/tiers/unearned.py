"""Tiers that are taken back because what had opened them was reversed (CONTRACT-EARNING 8.5, R10).

Nothing is announced. A tier that was reached longer ago, or would have been reached all the same, stays.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from portal.platform.documents import to_json
from portal.tiers.models import Tier


class Rise(NamedTuple):
    """A recorded rise: from which tier (None: none) to which, what that needed then, and at how many points.

    `deserved` are the points that it would have been made with, had what counts against it never been granted.
    """

    from_id: UUID | None
    to_id: UUID
    threshold: int
    reached: int
    deserved: int
    changed_at: datetime


class Doubted(NamedTuple):
    """A member whose tier is in doubt: the tier, the points that are left, and all their rises, oldest first."""

    member_id: UUID
    tier_id: UUID
    points: int
    rises: Sequence[Rise]


class Fall(NamedTuple):
    """The tier that is left to a member (None: none), and since when they have had it."""

    member_id: UUID
    tier_id: UUID | None
    since: datetime | None


_FALL = text("""
    WITH given AS (
        SELECT g.member_id, g.tier_id, g.since, m.tier_id AS from_id, m.lifetime_earned, m.last_seq
        FROM json_to_recordset(CAST(:rows AS json)) AS g(member_id uuid, tier_id uuid, since timestamptz)
        JOIN loyalty_members m ON m.id = g.member_id
    ), moved AS (
        UPDATE loyalty_members m SET tier_id = g.tier_id, tier_since = g.since FROM given g WHERE m.id = g.member_id
    )
    INSERT INTO loyalty_tier_changes (member_id, id, from_tier_id, to_tier_id, reason, threshold, lifetime_earned,
                                      last_seq, changed_at)
    SELECT g.member_id, new_ulid(:now), g.from_id, g.tier_id, 'unearned', coalesce(t.threshold, 0), g.lifetime_earned,
           g.last_seq, :now
    FROM given g LEFT JOIN loyalty_tiers t ON t.id = g.tier_id
""")


def take_back_tiers(session: Session, doubted: Sequence[Doubted], now: datetime) -> int:
    """Move down those of these members who have not earned their tier, and record it; returns how many.

    The caller holds the members' row locks.
    """
    tiers = session.scalars(select(Tier).order_by(Tier.threshold.desc(), Tier.active.desc())).all()
    judged = [(member, find_tier_left(tiers, member, now)) for member in doubted]
    falls = [fall for member, fall in judged if fall.tier_id != member.tier_id]
    if falls:
        rows = [fall._asdict() for fall in falls]
        session.execute(_FALL, {"rows": to_json(rows).decode(), "now": now})
    return len(falls)


def foresee(session: Session, member: Doubted, now: datetime) -> str | None:
    """The slug of the tier that would be left to this member; None: none."""
    tiers = session.scalars(select(Tier).order_by(Tier.threshold.desc(), Tier.active.desc())).all()
    left = find_tier_left(tiers, member, now)
    return next((tier.slug for tier in tiers if tier.id == left.tier_id), None)


def find_tier_left(tiers: Sequence[Tier], member: Doubted, now: datetime) -> Fall:
    """The highest tier, no higher than the member's, that their points reach or that they have earned: pure.

    `tiers` are all, the highest first. A tier without a recorded rise was given otherwise, and stays.
    """
    current = next(tier for tier in tiers if tier.id == member.tier_id)
    had = {member.tier_id, *(rise.to_id for rise in member.rises)}
    for tier in tiers:
        if tier.threshold > current.threshold or (not tier.active and tier.id not in had):
            continue
        rise = _find_rise(tiers, tier, member.rises)
        if member.points >= tier.threshold or _is_earned(tier, rise, member):
            return Fall(member.member_id, tier.id, rise.changed_at if rise is not None else now)
    return Fall(member.member_id, None, None)


def _is_earned(tier: Tier, rise: Rise | None, member: Doubted) -> bool:
    if rise is None:
        return tier.id == member.tier_id
    needed = min(tier.threshold, rise.threshold) if rise.to_id == tier.id else tier.threshold
    return max(member.points, rise.deserved) >= needed


def _find_rise(tiers: Sequence[Tier], tier: Tier, rises: Sequence[Rise]) -> Rise | None:
    """The latest rise to this tier, or past it."""
    thresholds = {each.id: each.threshold for each in tiers}
    for rise in reversed(rises):
        begun = -1 if rise.from_id is None else thresholds[rise.from_id]
        passed = begun < tier.threshold < thresholds[rise.to_id] and tier.threshold <= rise.reached
        if rise.to_id == tier.id or passed:
            return rise
    return None
