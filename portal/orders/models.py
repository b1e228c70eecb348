"""Orders: their present state, the snapshot they earn by, and every state that was received."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.orders.state import OrderStatus
from portal.platform.db import Base
from portal.platform.documents import Document

STATUSES = tuple(status.value for status in OrderStatus)


class Order(Base):
    """An order by its reference, whose row is locked before anything that belongs to it.

    `content` is what the shop said of it, `refunds` what was given back. It has no personal data: an order that nobody
    has claimed keeps a keyed hash of its address (`email_hash`). `stated_at` is the shop's own stamp (`updatedAt`);
    `paid_at` and `fulfilled_at` are when it came so far, as told or first received. `episode` counts its members,
    `change` its states. `restores` are the points that it has given back of the redemptions that it was paid with.
    `stands`: it earns, or would, and something of it remains. `basis` is in the programme's smallest unit, rounded half
    up; `reasons` say why it earns nothing.
    """

    __tablename__ = "loyalty_orders"

    reference: Mapped[str] = mapped_column(primary_key=True)
    member_id: Mapped[UUID | None] = mapped_column(ForeignKey("loyalty_members.id"))
    email_hash: Mapped[bytes | None]
    status: Mapped[str]
    test: Mapped[bool] = mapped_column(server_default="false")
    currency: Mapped[str]
    channel: Mapped[str | None]
    placed_at: Mapped[datetime]
    paid_at: Mapped[datetime | None]
    fulfilled_at: Mapped[datetime | None]
    stated_at: Mapped[datetime | None]
    received_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    released_at: Mapped[datetime | None]
    content: Mapped[Document]
    refunds: Mapped[list[Document]]
    restores: Mapped[Document] = mapped_column(server_default="{}")
    snapshot: Mapped[Document | None]
    episode: Mapped[int] = mapped_column(server_default="0")
    change: Mapped[int] = mapped_column(server_default="0")
    stands: Mapped[bool] = mapped_column(server_default="false")
    history: Mapped[bool] = mapped_column(server_default="false")
    total: Mapped[int] = mapped_column(BigInteger)
    basis: Mapped[int | None] = mapped_column(BigInteger)
    granted: Mapped[int] = mapped_column(BigInteger, server_default="0")
    reversed: Mapped[int] = mapped_column(BigInteger, server_default="0")
    reasons: Mapped[list[str]] = mapped_column(ARRAY(Text))
    warnings: Mapped[list[Document]]

    __table_args__ = (
        CheckConstraint(f"status IN {STATUSES}", name="status"),
        CheckConstraint("member_id IS NULL OR email_hash IS NULL", name="owner"),
        CheckConstraint("granted >= reversed AND reversed >= 0", name="figures"),
        Index("ix_loyalty_orders_placed_at", "placed_at", "reference"),
        Index("ix_loyalty_orders_total", "total", "reference"),
        Index("ix_loyalty_orders_status", "status", "placed_at", "reference"),
        Index(
            "ix_loyalty_orders_reasons", "reasons", "placed_at", "reference", postgresql_where=text("reasons <> '{}'")
        ),
        Index("ix_loyalty_orders_warned", "placed_at", "reference", postgresql_where=text("warnings <> '[]'")),
        Index("ix_loyalty_orders_nobody", "placed_at", "reference", postgresql_where=text("member_id IS NULL")),
        Index("ix_loyalty_orders_prefix", "reference", postgresql_ops={"reference": "text_pattern_ops"}),
        Index("ix_loyalty_orders_member", "member_id", "placed_at", "reference"),
        Index("ix_loyalty_orders_unclaimed", "email_hash", postgresql_where=text("member_id IS NULL")),
        Index(
            "ix_loyalty_orders_suspended",
            "member_id",
            postgresql_where=text("reasons @> ARRAY['member_suspended']"),
        ),
    )


class OrderState(Base):
    """A state of an order as it was received, and what it should have granted then: facts by rule."""

    __tablename__ = "loyalty_order_states"

    reference: Mapped[str] = mapped_column(ForeignKey("loyalty_orders.reference"), primary_key=True)
    change: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    cause: Mapped[str]
    at: Mapped[datetime]
    actor: Mapped[str]
    member_id: Mapped[UUID | None] = mapped_column(ForeignKey("loyalty_members.id"))
    content: Mapped[Document]
    refunds: Mapped[list[Document]]
    grants: Mapped[Document]
