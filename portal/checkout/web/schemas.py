"""Shapes of the checkout's API."""

from datetime import timedelta
from typing import Annotated, Self

from pydantic import AwareDatetime, Field, model_validator

from portal.accounts import USER_ID_PATTERN
from portal.checkout.intents import REDEMPTION, SHARE, Action, Checkout, Part, Resolution
from portal.platform.schemas import Answer, Points, Schema, Slug, Text, Ulid


class RedemptionPart(Schema):
    """What the checkout redeems: a reward by its slug, or points. Cancelling needs neither."""

    checkout_intent_id: Text(128)  # type: ignore[valid-type]  # a type made by a call
    reward_slug: Slug | None = None
    points: Points | None = None
    expected_points: Points | None = None

    @model_validator(mode="after")
    def _not_both(self) -> Self:
        if self.reward_slug is not None and self.points is not None:
            raise ValueError("give rewardSlug or points, not both")
        if self.expected_points is not None and self.reward_slug is None:
            raise ValueError("expectedPoints belongs to rewardSlug")
        return self


class ReferralSharePart(Schema):
    """A reminder to invite a friend after the order."""

    checkout_intent_id: Text(128)  # type: ignore[valid-type]  # a type made by a call
    channel: Text(64) | None = None  # type: ignore[valid-type]  # a type made by a call


def _redemption(wish: RedemptionPart, channel: str | None) -> Part:
    return Part(REDEMPTION, wish.checkout_intent_id, channel, wish.reward_slug, wish.points, wish.expected_points)


class CheckoutInput(Schema):
    """What a checkout plans, confirms or cancels for one order. `userId` is needed from services."""

    user_id: Annotated[str, Field(pattern=USER_ID_PATTERN)] | None = None
    order_reference: Text(128)  # type: ignore[valid-type]  # a type made by a call
    action: Action
    channel: Text(64) | None = None  # type: ignore[valid-type]  # a type made by a call
    ttl_hours: Annotated[int, Field(strict=True, ge=1, le=8760)] | None = None
    redemption: RedemptionPart | None = None
    referral_share: ReferralSharePart | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        wish, share = self.redemption, self.referral_share
        if wish is None and share is None:
            raise ValueError("give redemption, referralShare or both")
        if wish and share and wish.checkout_intent_id == share.checkout_intent_id:
            raise ValueError("redemption and referralShare need a checkoutIntentId each")
        if wish and self.action is not Action.CANCEL and wish.reward_slug is None and wish.points is None:
            raise ValueError("redemption needs rewardSlug or points")
        return self

    def checkout(self, *, by_member: bool) -> Checkout:
        """The request as the service takes it, from the member's own browser or from the shop."""
        parts: list[Part] = []
        if wish := self.redemption:
            parts.append(_redemption(wish, self.channel))
        if share := self.referral_share:
            parts.append(Part(SHARE, share.checkout_intent_id, share.channel or self.channel))
        ttl = None if self.ttl_hours is None else timedelta(hours=self.ttl_hours)
        return Checkout(self.action, self.order_reference, tuple(parts), ttl, by_member)


class ResolutionInput(Schema):
    """What becomes of a next action: `resolved` ends the reminder, `cancelled` also keeps it from being confirmed."""

    status: Resolution


class CheckoutIntent(Answer):
    """What a checkout planned, and what became of it."""

    id: Ulid
    checkout_intent_id: str
    kind: Annotated[str, Field(json_schema_extra={"enum": ["redemption", "referral_share"]})]
    status: Annotated[
        str, Field(json_schema_extra={"enum": ["pending", "confirmed", "resolved", "cancelled", "expired"]})
    ]
    order_reference: str
    channel: str | None
    reward_slug: str | None
    points: int | None = Field(description="What it costs, or cost when it was confirmed.")
    redemption_id: Ulid | None
    created_at: AwareDatetime
    expires_at: AwareDatetime
    resolved_at: AwareDatetime | None


class NextAction(Answer):
    """A card for the member: what a pending intent asks, and where to do it."""

    intent_id: Ulid
    kind: Annotated[str, Field(json_schema_extra={"enum": ["redemption", "referral_share"]})]
    title: str
    body: str
    cta_label: str
    cta_url: str
    priority: int
    expires_at: AwareDatetime


class CheckoutFeed(Answer):
    """Pending intents, newest first, and their cards, most urgent first."""

    intents: list[CheckoutIntent]
    actions: list[NextAction]
