"""Tiers and the history of who reached them."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.platform.db import Base
from portal.platform.documents import Document


class Tier(Base):
    """A tier: reached at `threshold` points earned. Active thresholds ascend strictly with position."""

    __tablename__ = "loyalty_tiers"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    threshold: Mapped[int] = mapped_column(BigInteger)
    benefits: Mapped[list[Document]]
    position: Mapped[int]
    active: Mapped[bool] = mapped_column(server_default="true")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("threshold >= 0", name="threshold"),
        CheckConstraint("jsonb_typeof(benefits) = 'array'", name="benefits"),
        Index("uq_loyalty_tiers_threshold", "threshold", unique=True, postgresql_where=text("active")),
    )


class ChangeReason(StrEnum):
    """Why a member's tier has changed: they had the points, or what had opened it was reversed."""

    REACHED = "reached"
    UNEARNED = "unearned"


REASONS = tuple(reason.value for reason in ChangeReason)


class TierChange(Base):
    """A recorded change: from which tier to which (None: none), why, when, at how many points earned.

    `threshold` is what the tier needed then, `last_seq` the member's last ledger entry by then.
    """

    __tablename__ = "loyalty_tier_changes"

    member_id: Mapped[UUID] = mapped_column(ForeignKey("loyalty_members.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    from_tier_id: Mapped[UUID | None] = mapped_column(ForeignKey("loyalty_tiers.id"))
    to_tier_id: Mapped[UUID | None] = mapped_column(ForeignKey("loyalty_tiers.id"))
    reason: Mapped[str]
    threshold: Mapped[int] = mapped_column(BigInteger)
    lifetime_earned: Mapped[int] = mapped_column(BigInteger)
    last_seq: Mapped[int] = mapped_column(BigInteger)
    changed_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("from_tier_id IS DISTINCT FROM to_tier_id", name="changes"),
        CheckConstraint(f"reason IN {REASONS}", name="reason"),
        CheckConstraint("to_tier_id IS NOT NULL OR reason = 'unearned'", name="to_tier"),
    )


class Requalification(Base):
    """A change of the tiers whose members a job moves: when it began, how many qualify, how many have moved."""

    __tablename__ = "loyalty_requalifications"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tier_slug: Mapped[str]
    changed_at: Mapped[datetime]
    begun_at: Mapped[datetime | None]
    expected: Mapped[int | None] = mapped_column(BigInteger)
    moved: Mapped[int] = mapped_column(BigInteger, server_default="0")
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("moved >= 0 AND expected >= 0", name="counts"),
        Index("ix_loyalty_requalifications_open", "changed_at", postgresql_where=text("finished_at IS NULL")),
    )
