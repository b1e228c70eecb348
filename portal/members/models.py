"""The membership row: one per user, with the running totals that the ledger maintains."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.platform.db import Base

STATUSES = ("active", "suspended")


class Member(Base):
    """A user's membership. Totals are points; `last_seq` orders the member's ledger.

    `pending` has been granted and is not in the balance yet; `owed` is what a reversal could not take back.
    """

    __tablename__ = "loyalty_members"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), unique=True)
    referral_code: Mapped[str] = mapped_column(unique=True)
    status: Mapped[str] = mapped_column(server_default="active")
    joined_at: Mapped[datetime]
    balance: Mapped[int] = mapped_column(BigInteger, server_default="0")
    held: Mapped[int] = mapped_column(BigInteger, server_default="0")
    lifetime_earned: Mapped[int] = mapped_column(BigInteger, server_default="0")
    pending: Mapped[int] = mapped_column(BigInteger, server_default="0")
    owed: Mapped[int] = mapped_column(BigInteger, server_default="0")
    last_seq: Mapped[int] = mapped_column(BigInteger, server_default="0")
    tier_id: Mapped[UUID | None] = mapped_column(ForeignKey("loyalty_tiers.id"))
    tier_since: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint(f"status IN {STATUSES}", name="status"),
        CheckConstraint("balance >= 0", name="balance"),
        CheckConstraint("held >= 0 AND held <= balance", name="held"),
        CheckConstraint("lifetime_earned >= 0", name="lifetime_earned"),
        CheckConstraint("pending >= 0", name="pending"),
        CheckConstraint("owed >= 0", name="owed"),
        CheckConstraint("(tier_id IS NULL) = (tier_since IS NULL)", name="tier_since"),
        Index("ix_loyalty_members_lifetime_earned", "lifetime_earned", "id"),
        Index("ix_loyalty_members_balance", "balance", "id"),
        Index("ix_loyalty_members_joined_at", "joined_at", "id"),
        Index("ix_loyalty_members_tier_balance", "tier_id", "balance", "id"),
        Index("ix_loyalty_members_tier_earned", "tier_id", "lifetime_earned", "id"),
        Index("ix_loyalty_members_tier_joined_at", "tier_id", "joined_at", "id"),
        Index("ix_loyalty_members_tier_id", "tier_id", "id", postgresql_where=text("tier_id IS NOT NULL")),
        Index("ix_loyalty_members_owed", "owed", "id", postgresql_where=text("owed > 0")),
        Index("ix_loyalty_members_suspended", "id", postgresql_where=text("status = 'suspended'")),
    )
