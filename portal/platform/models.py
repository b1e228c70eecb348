"""Tables of the platform itself: outbox, idempotency keys and the audit log."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.platform.db import Base
from portal.platform.documents import Document

OUTBOX_STATUSES = ("pending", "done", "uncertain", "dead")


class OutboxMessage(Base):
    """Work that a committed change asks for; carries ids only.

    A claim takes a lease and raises `fence`; only the holder of the current fence may finish it.
    """

    __tablename__ = "outbox"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    topic: Mapped[str]
    payload: Mapped[Document]
    dedupe_key: Mapped[str | None] = mapped_column(unique=True)
    status: Mapped[str] = mapped_column(server_default="pending")
    attempts: Mapped[int] = mapped_column(server_default="0")
    fence: Mapped[int] = mapped_column(server_default="0")
    created_at: Mapped[datetime]
    next_attempt_at: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    last_error: Mapped[str | None]

    __table_args__ = (
        CheckConstraint(f"status IN {OUTBOX_STATUSES}", name="status"),
        CheckConstraint("(status = 'pending') = (finished_at IS NULL)", name="finished"),
        Index("ix_outbox_due", "next_attempt_at", "id", postgresql_where=text("status = 'pending'")),
        Index("ix_outbox_uncertain", "id", postgresql_where=text("status IN ('uncertain', 'dead')")),
    )


class IdempotencyKey(Base):
    """The stored answer to a POST, by principal and key; kept for 24 hours."""

    __tablename__ = "idempotency_keys"

    principal: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[bytes]
    status: Mapped[int]
    headers: Mapped[Document]
    body: Mapped[bytes]
    created_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("status BETWEEN 200 AND 499", name="never_5xx"),
        Index("ix_idempotency_keys_created_at", "created_at"),
    )


class AuditEntry(Base):
    """Who did what to which object, when and why, with the state before and after."""

    __tablename__ = "audit_log"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    action: Mapped[str]
    object_type: Mapped[str]
    object_id: Mapped[str]
    reason: Mapped[str]
    before: Mapped[Document | None]
    after: Mapped[Document | None]
    request_id: Mapped[str | None]

    __table_args__ = (
        Index("ix_audit_log_object", "object_type", "object_id", "id"),
        Index("ix_audit_log_actor", "actor", "id"),
        Index("ix_audit_log_at", "at"),
        Index("ix_audit_log_action", "action", "id"),
        Index("ix_audit_log_object_id", "object_id", "id"),
    )
