"""Redemptions: a hold on points, resolved once; what was fulfilled may be refunded."""

from datetime import datetime
from enum import StrEnum
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


class RedemptionStatus(StrEnum):
    """The life of a redemption: requested, then exactly one of the others; fulfilled, it may be refunded."""

    REQUESTED = "requested"
    FULFILLED = "fulfilled"
    FAILED = "failed"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"


_STATUSES = tuple(status.value for status in RedemptionStatus)


class Redemption(Base):
    """Points reserved for a reward (or a custom purpose) and how that ended.

    `restored` is what was given back after it was fulfilled, in parts; once that is all of it, it is refunded.
    `closed_at` is when it came to be what it is. `retry_of` is the failed redemption that this one retries; each can be
    retried once.
    """

    __tablename__ = "loyalty_redemptions"

    member_id: Mapped[UUID] = mapped_column(ForeignKey("loyalty_members.id"))
    id: Mapped[UUID]
    status: Mapped[str] = mapped_column(server_default="requested")
    reward_id: Mapped[UUID | None] = mapped_column(ForeignKey("loyalty_rewards.id"))
    description: Mapped[str]
    points: Mapped[int] = mapped_column(BigInteger)
    restored: Mapped[int] = mapped_column(BigInteger, server_default="0")
    requested_at: Mapped[datetime]
    hold_expires_at: Mapped[datetime]
    fulfilled_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    failure_reason: Mapped[str | None]
    ledger_entry_id: Mapped[UUID | None]
    checkout_intent_id: Mapped[str | None]
    requested_by: Mapped[str]
    closed_by: Mapped[str | None]
    retry_of: Mapped[UUID | None]

    __table_args__ = (
        PrimaryKeyConstraint("member_id", "id"),
        ForeignKeyConstraint(
            ["member_id", "ledger_entry_id"], ["loyalty_ledger_entries.member_id", "loyalty_ledger_entries.id"]
        ),
        ForeignKeyConstraint(["member_id", "retry_of"], ["loyalty_redemptions.member_id", "loyalty_redemptions.id"]),
        UniqueConstraint("member_id", "checkout_intent_id"),
        CheckConstraint(f"status IN {_STATUSES}", name="status"),
        CheckConstraint("points > 0", name="points"),
        CheckConstraint("(status = 'requested') = (closed_at IS NULL)", name="closed"),
        CheckConstraint(
            "(status IN ('fulfilled', 'refunded')) = (ledger_entry_id IS NOT NULL) AND "
            "(status IN ('fulfilled', 'refunded')) = (fulfilled_at IS NOT NULL)",
            name="fulfilled",
        ),
        CheckConstraint(
            "restored >= 0 AND restored <= points AND (status = 'refunded') = (restored = points) AND "
            "(restored = 0 OR status IN ('fulfilled', 'refunded'))",
            name="restored",
        ),
        CheckConstraint("(status IN ('failed', 'cancelled')) = (failure_reason IS NOT NULL)", name="reason"),
        Index("ix_loyalty_redemptions_id", "id"),
        Index("ix_loyalty_redemptions_timeline", "member_id", "requested_at", "id"),
        Index(
            "uq_loyalty_redemptions_retry_of",
            "member_id",
            "retry_of",
            unique=True,
            postgresql_where=text("retry_of IS NOT NULL"),
        ),
        Index("ix_loyalty_redemptions_status", "member_id", "status", "id"),
        Index(
            "ix_loyalty_redemptions_waiting",
            "requested_at",
            "member_id",
            postgresql_where=text("status = 'requested'"),
        ),
        Index("ix_loyalty_redemptions_queue", "id", postgresql_where=text("status = 'requested'")),
        Index("ix_loyalty_redemptions_open", "hold_expires_at", postgresql_where=text("status = 'requested'")),
        Index(
            "ix_loyalty_redemptions_taken",
            "member_id",
            "reward_id",
            postgresql_where=text("status IN ('requested', 'fulfilled') AND reward_id IS NOT NULL"),
        ),
    )
