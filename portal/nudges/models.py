"""Nudges, the campaigns that shape them, and the audit of every send and non-send."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, PrimaryKeyConstraint, UniqueConstraint, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlalchemy.orm import Mapped, mapped_column

from portal.notifications import CHANNELS
from portal.platform.db import Base


class DispatchStatus(StrEnum):
    """How a dispatch ended; `claimed` has not."""

    CLAIMED = "claimed"
    SENT = "sent"
    FAILED = "failed"
    SUPPRESSED = "suppressed"
    DEFERRED = "deferred"
    UNCERTAIN = "uncertain"


class NudgeStatus(StrEnum):
    """The state of a nudge. `gone`: its cause is gone, it has expired, or another nudge has replaced it."""

    ACTIVE = "active"
    ACKNOWLEDGED = "acknowledged"
    DISMISSED = "dismissed"
    GONE = "gone"


NUDGE_STATUSES = tuple(status.value for status in NudgeStatus)
_SIGNAL_FORM = "signal ~ '^[a-z][a-z_]{0,63}$'"
_DISPATCH = tuple(status.value for status in DispatchStatus)


class NudgeCampaign(Base):
    """How a signal is turned into messages: life, cap, priority and order of channels."""

    __tablename__ = "loyalty_nudge_campaigns"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    signal: Mapped[str]
    ttl_hours: Mapped[int]
    frequency_cap_hours: Mapped[int]
    priority: Mapped[int]
    channels: Mapped[list[str]] = mapped_column(ARRAY(TEXT))
    active: Mapped[bool] = mapped_column(server_default="true")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint(_SIGNAL_FORM, name="signal"),
        CheckConstraint("ttl_hours > 0 AND frequency_cap_hours >= 0", name="hours"),
        CheckConstraint(f"channels <@ ARRAY{list(CHANNELS)}", name="channels"),
        Index("uq_loyalty_nudge_campaigns_signal", "signal", unique=True, postgresql_where=text("active")),
    )


class Nudge(Base):
    """A reminder for a member about one signal; at most one is live per member and signal.

    `causes` are the lots, redemptions or intents that it was made for, `fingerprint` the newest of them. While it is
    live and no other cause arises, it is kept, even if dismissed; another cause ends it and makes a new nudge.
    `next_dispatch_at` is when sending it is decided next; null: never.
    """

    __tablename__ = "loyalty_nudges"

    member_id: Mapped[UUID] = mapped_column(ForeignKey("loyalty_members.id"))
    id: Mapped[UUID]
    campaign_id: Mapped[UUID | None] = mapped_column(ForeignKey("loyalty_nudge_campaigns.id"))
    signal: Mapped[str]
    fingerprint: Mapped[str]
    causes: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), server_default="{}")
    status: Mapped[str] = mapped_column(server_default="active")
    payload: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    acknowledged_at: Mapped[datetime | None]
    dismissed_at: Mapped[datetime | None]
    last_notified_at: Mapped[datetime | None]
    next_dispatch_at: Mapped[datetime | None]

    __table_args__ = (
        PrimaryKeyConstraint("member_id", "id"),
        CheckConstraint(_SIGNAL_FORM, name="signal"),
        CheckConstraint(f"status IN {NUDGE_STATUSES}", name="status"),
        Index("ix_loyalty_nudges_id", "id"),
        Index(
            "uq_loyalty_nudges_live",
            "member_id",
            "signal",
            unique=True,
            postgresql_where=text("status IN ('active', 'acknowledged', 'dismissed')"),
        ),
        Index("ix_loyalty_nudges_due", "next_dispatch_at", postgresql_where=text("status = 'active'")),
        Index(
            "ix_loyalty_nudges_expiry",
            "expires_at",
            postgresql_where=text("status IN ('active', 'acknowledged', 'dismissed')"),
        ),
    )


class NudgeDispatchEvent(Base):
    """One decision to send or not to send a nudge, with its reason; claimed before the provider is called.

    If the lease of a claim (in real time) expires, its worker was lost and the claim becomes uncertain.
    """

    __tablename__ = "loyalty_nudge_dispatch_events"

    member_id: Mapped[UUID] = mapped_column(ForeignKey("loyalty_members.id"))
    id: Mapped[UUID]
    nudge_id: Mapped[UUID]
    campaign_id: Mapped[UUID | None] = mapped_column(ForeignKey("loyalty_nudge_campaigns.id"))
    channel: Mapped[str | None]
    backend: Mapped[str | None]
    status: Mapped[str]
    reason: Mapped[str]
    dedupe_key: Mapped[str]
    details: Mapped[dict[str, Any]] = mapped_column("metadata", server_default=text("'{}'"))
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]

    __table_args__ = (
        PrimaryKeyConstraint("member_id", "id"),
        UniqueConstraint("member_id", "dedupe_key"),
        CheckConstraint(f"status IN {_DISPATCH}", name="status"),
        CheckConstraint("(status = 'sent') = (sent_at IS NOT NULL)", name="sent"),
        CheckConstraint("(status = 'claimed') = (lease_until IS NOT NULL)", name="lease"),
        Index("ix_loyalty_nudge_dispatch_events_status", "status", "id"),
        Index("ix_loyalty_nudge_dispatch_events_newest", "id"),
        Index("ix_loyalty_nudge_dispatch_events_nudge", "member_id", "nudge_id"),
        Index(
            "ix_loyalty_nudge_dispatch_events_cap",
            "member_id",
            "campaign_id",
            "sent_at",
            postgresql_where=text("status = 'sent'"),
        ),
        Index("ix_loyalty_nudge_dispatch_events_claimed", "lease_until", postgresql_where=text("status = 'claimed'")),
    )
