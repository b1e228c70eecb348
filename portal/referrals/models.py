"""Referral invites: the life of a code, from link to credited friend."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    PrimaryKeyConstraint,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.db import Base


class InviteStatus(StrEnum):
    """Draft and sent are open; the others are final."""

    DRAFT = "draft"
    SENT = "sent"
    CONVERTED = "converted"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


CHANNELS = ("link", "email", "sms")
_STATUSES = tuple(status.value for status in InviteStatus)


class ReferralInvite(Base):
    """One invite: its code, its invitee and its conversion. One conversion per referee ever."""

    __tablename__ = "loyalty_referral_invites"

    member_id: Mapped[UUID] = mapped_column(ForeignKey("loyalty_members.id"))
    id: Mapped[UUID]
    code: Mapped[str]
    status: Mapped[str]
    channel: Mapped[str]
    invitee_email: Mapped[str | None]
    invitee_email_normalized: Mapped[str | None]
    invitee_name: Mapped[str | None]
    invitee_phone: Mapped[str | None]
    message: Mapped[str | None]
    invite_metadata: Mapped[dict[str, Any]] = mapped_column("metadata", server_default=text("'{}'"))
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]
    converted_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    referee_user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id"))
    order_reference: Mapped[str | None]
    reward_points: Mapped[int] = mapped_column(BigInteger, server_default="0")
    welcome_points: Mapped[int] = mapped_column(BigInteger, server_default="0")
    signals: Mapped[list[str]] = mapped_column(ARRAY(TEXT), server_default="{}")

    __table_args__ = (
        PrimaryKeyConstraint("member_id", "id"),
        UniqueConstraint("code"),
        CheckConstraint(f"status IN {_STATUSES}", name="status"),
        CheckConstraint(f"channel IN {CHANNELS}", name="channel"),
        CheckConstraint(
            "(status = 'converted') = (converted_at IS NOT NULL) AND "
            "(status = 'converted') = (referee_user_id IS NOT NULL)",
            name="converted",
        ),
        CheckConstraint("(status = 'cancelled') = (cancelled_at IS NOT NULL)", name="cancelled"),
        CheckConstraint("reward_points >= 0 AND welcome_points >= 0", name="points"),
        Index("ix_loyalty_referral_invites_id", "id"),
        Index("uq_loyalty_referral_invites_referee", "referee_user_id", unique=True),
        Index("ix_loyalty_referral_invites_status", "member_id", "status", "id"),
        Index(
            "ix_loyalty_referral_invites_open",
            "expires_at",
            postgresql_where=text("status IN ('draft', 'sent')"),
        ),
    )
