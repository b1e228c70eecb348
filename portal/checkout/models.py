"""Checkout intents: what a checkout planned, confirmed or cancelled."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    PrimaryKeyConstraint,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from portal.platform.db import Base

KINDS = ("redemption", "referral_share")
STATUSES = ("pending", "confirmed", "resolved", "cancelled", "expired")


class CheckoutIntent(Base):
    """A reminder from a checkout, by the shop's own id or (`by_member`) by one that the member's browser chose.

    The shop's ids are unique in the whole programme, a member's own only among theirs. `planned_cost` is what the
    reward cost when it was planned.
    """

    __tablename__ = "loyalty_checkout_intents"

    member_id: Mapped[UUID] = mapped_column(ForeignKey("loyalty_members.id"))
    id: Mapped[UUID]
    checkout_intent_id: Mapped[str]
    by_member: Mapped[bool] = mapped_column(server_default="false")
    kind: Mapped[str]
    status: Mapped[str] = mapped_column(server_default="pending")
    order_reference: Mapped[str]
    channel: Mapped[str | None]
    reward_id: Mapped[UUID | None] = mapped_column(ForeignKey("loyalty_rewards.id"))
    points: Mapped[int | None] = mapped_column(BigInteger)
    planned_cost: Mapped[int | None] = mapped_column(BigInteger)
    redemption_id: Mapped[UUID | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]

    __table_args__ = (
        PrimaryKeyConstraint("member_id", "id"),
        UniqueConstraint("member_id", "checkout_intent_id"),
        ForeignKeyConstraint(
            ["member_id", "redemption_id"], ["loyalty_redemptions.member_id", "loyalty_redemptions.id"]
        ),
        CheckConstraint(f"kind IN {KINDS}", name="kind"),
        CheckConstraint(f"status IN {STATUSES}", name="status"),
        CheckConstraint("points IS NULL OR points > 0", name="points"),
        CheckConstraint("redemption_id IS NULL OR kind = 'redemption'", name="redemption"),
        CheckConstraint("status <> 'confirmed' OR confirmed_at IS NOT NULL", name="confirmed"),
        CheckConstraint(
            "(status IN ('resolved', 'cancelled', 'expired')) = (resolved_at IS NOT NULL)", name="resolved"
        ),
        Index(
            "uq_loyalty_checkout_intents_of_shop",
            "checkout_intent_id",
            unique=True,
            postgresql_where=text("NOT by_member"),
        ),
        Index("ix_loyalty_checkout_intents_id", "id"),
        Index(
            "ix_loyalty_checkout_intents_pending",
            "member_id",
            "expires_at",
            postgresql_where=text("status = 'pending'"),
        ),
        Index("ix_loyalty_checkout_intents_due", "expires_at", postgresql_where=text("status = 'pending'")),
    )
