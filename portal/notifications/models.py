"""Messages: one row per outbox message and channel, claimed before the provider is called."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.platform.db import Base
from portal.platform.documents import Document


class MessageStatus(StrEnum):
    """How a message ended. `claimed`: not yet. `deferred`: it was certainly not accepted, and is retried."""

    CLAIMED = "claimed"
    SENT = "sent"
    FAILED = "failed"
    SUPPRESSED = "suppressed"
    DEFERRED = "deferred"
    UNCERTAIN = "uncertain"


class ChannelName(StrEnum):
    """Every channel that a message can use."""

    EMAIL = "email"
    SMS = "sms"
    PUSH = "push"

    @property
    def label(self) -> str:
        """What the consoles call it."""
        return "SMS" if self is ChannelName.SMS else self.value.capitalize()


STATUSES = tuple(status.value for status in MessageStatus)
CHANNELS = tuple(channel.value for channel in ChannelName)
CHANNEL_CHOICES = tuple((channel.value, channel.label) for channel in ChannelName)


class Message(Base):
    """One message to one person on one channel, or the reason why there was none.

    `recipient` and the content are kept only where the preview backend took the message, for operators to read.
    """

    __tablename__ = "messages"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    dedupe_key: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    channel: Mapped[str | None]
    backend: Mapped[str | None]
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    status: Mapped[str]
    reason: Mapped[str] = mapped_column(server_default="")
    attempts: Mapped[int] = mapped_column(server_default="1")
    recipient: Mapped[str | None]
    subject: Mapped[str | None]
    body_text: Mapped[str | None]
    body_html: Mapped[str | None]
    details: Mapped[Document] = mapped_column(server_default=text("'{}'"))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint(f"status IN {STATUSES}", name="status"),
        CheckConstraint(f"channel IN {CHANNELS}", name="channel"),
        CheckConstraint("(status = 'sent') = (sent_at IS NOT NULL)", name="sent"),
        CheckConstraint("status NOT IN ('claimed', 'sent') OR channel IS NOT NULL", name="channel_known"),
        Index("ix_messages_user_id", "user_id", "id"),
        Index("ix_messages_created_at", "created_at"),
        Index("ix_messages_status", "status", "created_at", "id"),
        Index("ix_messages_preview", "created_at", "id", postgresql_where=text("backend = 'preview'")),
        Index("ix_messages_open", "updated_at", postgresql_where=text("status IN ('claimed', 'uncertain')")),
    )


class MessageTotal(Base):
    """How many messages of a kind had this outcome on a channel (`none` if none was chosen).

    The totals only grow, even when the messages themselves are purged. Each database connection adds to one of several
    parts, so that workers do not wait for each other.
    """

    __tablename__ = "message_totals"

    kind: Mapped[str] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    outcome: Mapped[str] = mapped_column(primary_key=True)
    part: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    messages: Mapped[int] = mapped_column(BigInteger)
