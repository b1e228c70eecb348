"""The reward catalogue."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.platform.db import Base


class Reward(Base):
    """A perk for points.

    `inventory` is the total stock (null: unlimited), `taken` how much of it open and fulfilled redemptions have.
    """

    __tablename__ = "loyalty_rewards"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    description: Mapped[str]
    points_cost: Mapped[int] = mapped_column(BigInteger)
    inventory: Mapped[int | None]
    taken: Mapped[int] = mapped_column(server_default="0")
    min_tier_id: Mapped[UUID | None] = mapped_column(ForeignKey("loyalty_tiers.id"))
    per_member_limit: Mapped[int | None]
    active: Mapped[bool] = mapped_column(server_default="true")
    starts_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    icon: Mapped[str] = mapped_column(server_default="gift")
    image_url: Mapped[str | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("points_cost > 0", name="points_cost"),
        CheckConstraint("inventory IS NULL OR inventory >= 0", name="inventory"),
        CheckConstraint("taken >= 0 AND (inventory IS NULL OR taken <= inventory)", name="taken"),
        CheckConstraint("per_member_limit IS NULL OR per_member_limit > 0", name="per_member_limit"),
        CheckConstraint("starts_at IS NULL OR ends_at IS NULL OR starts_at < ends_at", name="window"),
        Index("ix_loyalty_rewards_active", "points_cost", postgresql_where=text("active")),
    )
