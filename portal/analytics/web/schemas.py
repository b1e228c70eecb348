"""Shapes of the analytics' API."""

from datetime import date

from pydantic import AwareDatetime, Field

from portal.platform.schemas import Answer, Ulid
from portal.referrals.web import SegmentFigures


class ReferralVelocity(Answer):
    """Invites and conversions, per member who refers and week, over the trailing days."""

    window_days: int
    members: int
    invites: int
    conversions: int
    invite_velocity: float
    conversion_velocity: float


class PointsFlow(Answer):
    """Points that came and went between two moments; `withdrawn` by adjustments and reversals."""

    issued: int
    redeemed: int
    expired: int
    withdrawn: int
    from_: AwareDatetime = Field(alias="from")
    to: AwareDatetime


class TierLiability(Answer):
    """Points outstanding with the members of a tier (null: without one), and what these owe."""

    tier: str | None
    name: str | None
    members: int
    balance: int
    held: int
    owed: int


class Liability(Answer):
    """Points outstanding, in all and per tier. What members owe stands beside them, and is not taken off."""

    total: int
    held: int
    owed: int
    tiers: list[TierLiability]


class AnalyticsSnapshot(Answer):
    """The programme's figures of one night."""

    id: Ulid
    night: date
    captured_at: AwareDatetime
    segments: list[SegmentFigures]
    velocity: ReferralVelocity
    points: PointsFlow
    liability: Liability


class SnapshotPage(Answer):
    """A page of snapshots, newest first."""

    snapshots: list[AnalyticsSnapshot]
    next_cursor: str | None
