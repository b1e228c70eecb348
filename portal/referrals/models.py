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
    LargeBinary,
    PrimaryKeyConstraint,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlalchemy.orm import Mapped, mapped_column

from portal.platform.db import Base


class InviteStatus(StrEnum):
    """Draft and sent are open; the others are final, except that a conversion can be reversed."""

    DRAFT = "draft"
    SENT = "sent"
    CONVERTED = "converted"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REVERSED = "reversed"


OPEN = (InviteStatus.DRAFT, InviteStatus.SENT)
_OPEN_VALUES = tuple(status.value for status in OPEN)

# SQL over an invite `i`, as of `:now`; `effective_status` and `still_open` of `standing` say the same of a row.
PAST = f"(i.status IN {_OPEN_VALUES} AND i.expires_at <= CAST(:now AS timestamptz))"
STILL_OPEN = f"(i.status IN {_OPEN_VALUES} AND i.expires_at > CAST(:now AS timestamptz))"
EFFECTIVE_STATUS = f"CASE WHEN {PAST} THEN 'expired' ELSE i.status END"


class Channel(StrEnum):
    """How an invite reaches the friend: passed on by the member, or sent by us."""

    LINK = "link"
    EMAIL = "email"
    SMS = "sms"


CHANNELS = tuple(channel.value for channel in Channel)
_STATUSES = tuple(status.value for status in InviteStatus)


class ReferralInvite(Base):
    """One invite: its code, its invitee and its conversion. One conversion that is not reversed per referee.

    `attributed_user_id` is the user who registered through it; `shared_code` is the code they followed if it was not
    this invite's own (a member's personal code, or an invite that someone else had registered through). The points are
    fixed when the invite is made; the ledger, or its pending credits, say what became of them (source `referral`, the
    external id is this id). `reversed_at` is when its conversion was taken back, on both sides: because of its order,
    or (`voided`) by hand, after which the referee never converts again.
    `reviewed_at`, `reviewed_by` and `review_note` record the review of its conversion's `signals`. `tier_upgrade`
    (`from`, `to`) is the inviter's upgrade by its completion, so that a repeated call returns the first result.
    """

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
    not_sent_reason: Mapped[str | None]
    shared_code: Mapped[str | None]
    attributed_user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id"))
    attributed_at: Mapped[datetime | None]
    inviter_device: Mapped[str | None]
    referee_device: Mapped[str | None]
    reviewed_at: Mapped[datetime | None]
    reviewed_by: Mapped[str | None]
    review_note: Mapped[str | None]
    tier_upgrade: Mapped[dict[str, Any] | None]
    reversed_at: Mapped[datetime | None]
    voided: Mapped[bool] = mapped_column(server_default="false")

    @property
    def address(self) -> str | None:
        """Where we send it; None if the member passes the link on."""
        return {Channel.EMAIL: self.invitee_email, Channel.SMS: self.invitee_phone}.get(Channel(self.channel))

    __table_args__ = (
        PrimaryKeyConstraint("member_id", "id"),
        UniqueConstraint("code"),
        CheckConstraint(f"status IN {_STATUSES}", name="status"),
        CheckConstraint(f"channel IN {CHANNELS}", name="channel"),
        CheckConstraint(
            "(status IN ('converted', 'reversed')) = (converted_at IS NOT NULL) AND "
            "(status IN ('converted', 'reversed')) = (referee_user_id IS NOT NULL)",
            name="converted",
        ),
        CheckConstraint("(status = 'reversed') = (reversed_at IS NOT NULL)", name="reversed"),
        CheckConstraint("status = 'reversed' OR NOT voided", name="voided"),
        CheckConstraint("(status = 'cancelled') = (cancelled_at IS NOT NULL)", name="cancelled"),
        CheckConstraint("reward_points >= 0 AND welcome_points >= 0", name="points"),
        Index("ix_loyalty_referral_invites_id", "id"),
        Index(
            "uq_loyalty_referral_invites_referee",
            "referee_user_id",
            unique=True,
            postgresql_where=text("status = 'converted' OR voided"),
        ),
        Index(
            "ix_loyalty_referral_invites_referee",
            "referee_user_id",
            postgresql_where=text("referee_user_id IS NOT NULL"),
        ),
        Index(
            "ix_loyalty_referral_invites_order",
            "order_reference",
            postgresql_where=text("status = 'converted' AND order_reference IS NOT NULL"),
        ),
        Index("ix_loyalty_referral_invites_timeline", "member_id", "created_at", "id"),
        Index("ix_loyalty_referral_invites_status", "member_id", "status", "id"),
        Index(
            "ix_loyalty_referral_invites_open",
            "expires_at",
            postgresql_where=text(f"status IN {_OPEN_VALUES}"),
        ),
        CheckConstraint("(attributed_user_id IS NULL) = (attributed_at IS NULL)", name="attributed"),
        Index("uq_loyalty_referral_invites_attributed", "attributed_user_id", unique=True),
        Index("ix_loyalty_referral_invites_created_at", "created_at", postgresql_include=["member_id"]),
        Index(
            "ix_loyalty_referral_invites_converted_at",
            "converted_at",
            postgresql_include=["member_id"],
            postgresql_where=text("status = 'converted'"),
        ),
        Index(
            "ix_loyalty_referral_invites_conversions",
            "member_id",
            "converted_at",
            "id",
            postgresql_where=text("status = 'converted'"),
        ),
        CheckConstraint(
            "(reviewed_at IS NULL) = (reviewed_by IS NULL) AND (reviewed_at IS NULL) = (review_note IS NULL)",
            name="reviewed",
        ),
        Index(
            "ix_loyalty_referral_invites_invitee_email",
            "invitee_email",
            postgresql_where=text("invitee_email IS NOT NULL"),
        ),
        Index("ix_loyalty_referral_invites_newest", "status", "created_at"),
        Index("ix_loyalty_referral_invites_channel", "channel", "created_at"),
        Index("ix_loyalty_referral_invites_signals", "converted_at", postgresql_where=text("signals <> '{}'")),
        Index(
            "ix_loyalty_referral_invites_unreviewed",
            "converted_at",
            postgresql_where=text("signals <> '{}' AND reviewed_at IS NULL"),
        ),
    )


class ReferralActivity(Base):
    """The source of a member's segment, cooldown and device signal, updated with every invite.

    `open_invites` counts draft and sent ones, including those past their date until the sweep closes them.
    """

    __tablename__ = "loyalty_referral_activity"

    member_id: Mapped[UUID] = mapped_column(ForeignKey("loyalty_members.id"), primary_key=True)
    open_invites: Mapped[int] = mapped_column(server_default="0")
    last_invite_at: Mapped[datetime | None]
    last_activity_at: Mapped[datetime | None]
    device: Mapped[str | None]

    __table_args__ = (
        CheckConstraint("open_invites >= 0", name="open_invites"),
        Index(
            "ix_loyalty_referral_activity_last",
            "last_activity_at",
            postgresql_include=["member_id", "open_invites"],
            postgresql_where=text("last_activity_at IS NOT NULL"),
        ),
    )


class InviteRecipient(Base):
    """An invite sent to an address or number, of which only a keyed hash is stored; it outlives the contact data.

    The limits per recipient and for the programme are counted from these rows.
    """

    __tablename__ = "loyalty_invite_recipients"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    recipient: Mapped[bytes] = mapped_column(LargeBinary)
    member_id: Mapped[UUID] = mapped_column(ForeignKey("loyalty_members.id"))
    sent_at: Mapped[datetime]

    __table_args__ = (
        Index("ix_loyalty_invite_recipients_recipient", "recipient", "sent_at", postgresql_include=["member_id"]),
        Index("ix_loyalty_invite_recipients_sent_at", "sent_at"),
    )
