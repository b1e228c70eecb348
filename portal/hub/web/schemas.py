"""The Member of the API."""

from typing import Annotated

from pydantic import AwareDatetime, Field

from portal.platform.documents import MAX_POINTS
from portal.platform.schemas import Answer, Schema, Text, Ulid
from portal.tiers.web import Benefit


class MemberTier(Answer):
    """The tier a member has, and since when."""

    slug: str
    name: str
    threshold: int
    benefits: list[Benefit]
    since: AwareDatetime


class NextTier(Answer):
    """The tier a member is on the way to."""

    slug: str
    name: str
    threshold: int


class Progress(Answer):
    """How far the next tier is, in points earned. At the top: no next tier, 0 to go, 100 percent."""

    next_tier: NextTier | None
    qualifying_points: int
    points_to_next: int
    percent: int


class Hold(Answer):
    """Points set aside for an open redemption."""

    redemption_id: Ulid
    points: int
    reward_slug: str | None
    description: str
    held_at: AwareDatetime
    expires_at: AwareDatetime


class ExpiringPoints(Answer):
    """Points that expire at one moment."""

    points: int
    expires_at: AwareDatetime


class PendingPoints(Answer):
    """Points that become active at one moment, for one order; `orderReference` null: for something else."""

    points: int
    activates_at: AwareDatetime
    order_reference: str | None


class Pending(Answer):
    """Points that are granted and wait: in no balance, tier or streak yet. `next`: at most ten, the soonest first."""

    total: int
    next: list[PendingPoints]


class Streak(Answer):
    """Weeks in a row with points earned."""

    weeks: int
    next_bonus: int
    qualified_this_week: bool


class Member(Answer):
    """A membership: points, tier, progress, holds, and what waits or expires."""

    user_id: str
    referral_code: str
    status: str
    joined_at: AwareDatetime
    balance: int
    held: int
    available: int
    lifetime_earned: int
    pending: Pending
    owed: int = Field(description="Points of corrected orders that could not be taken back; not in the balance.")
    tier: MemberTier | None
    progress: Progress
    upcoming_benefits: list[Benefit]
    holds: list[Hold]
    expiring: list[ExpiringPoints]
    expiring_soon: int
    streak: Streak


class WriteOffInput(Schema):
    """How many of the points a member owes are given up, and why. Without `points`: all."""

    points: Annotated[int, Field(strict=True, ge=1, le=MAX_POINTS)] | None = None
    reason: Text(200)  # type: ignore[valid-type]  # a call makes the type


class StatusInput(Schema):
    """Why a membership is suspended, or active again."""

    reason: Text(200)  # type: ignore[valid-type]  # a call makes the type
