"""Shapes of the redemptions' API."""

from typing import Self

from pydantic import AwareDatetime, Field, model_validator

from portal.platform.schemas import Answer, Page, Points, Schema, Slug, Text, Ulid
from portal.redemptions.models import RedemptionStatus


class RedemptionQuery(Page):
    """Which redemptions, and which page of them."""

    statuses: list[RedemptionStatus] = Field(default_factory=list, description="Alternatives; none: every status.")


class RedemptionInput(Schema):
    """A reward by its slug, or points for a described purpose. `expectedPoints` is what it should cost."""

    reward_slug: Slug | None = None
    expected_points: Points | None = None
    points: Points | None = None
    description: Text(200) | None = None  # type: ignore[valid-type]  # a call makes the type

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        custom = self.points is not None and self.description is not None
        if (self.reward_slug is None) != custom or (self.reward_slug and (self.points or self.description)):
            raise ValueError("give rewardSlug, or points and description")
        if self.expected_points is not None and self.reward_slug is None:
            raise ValueError("expectedPoints belongs to rewardSlug")
        return self


class ReasonInput(Schema):
    """Why a redemption is failed, cancelled or refunded."""

    reason: Text(200)  # type: ignore[valid-type]  # a call makes the type


class Redemption(Answer):
    """A hold on points and how it ended; `refunded`: fulfilled, and all of its points came back."""

    id: Ulid
    status: RedemptionStatus
    reward_slug: str | None
    description: str
    points_cost: int
    requested_at: AwareDatetime
    fulfilled_at: AwareDatetime | None
    closed_at: AwareDatetime | None
    failure_reason: str | None
    ledger_entry_id: Ulid | None
    checkout_intent_id: str | None
    hold_expires_at: AwareDatetime


class RedemptionPage(Answer):
    """A page of a member's redemptions, newest first."""

    redemptions: list[Redemption]
    pending_count: int
    next_cursor: str | None
