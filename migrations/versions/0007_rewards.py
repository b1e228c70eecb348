"""What points are redeemed for."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_loyalty_rewards()


def downgrade() -> None:
    op.drop_table("loyalty_rewards")


def _create_loyalty_rewards() -> None:
    op.create_table(
        "loyalty_rewards",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("points_cost", sa.BigInteger(), nullable=False),
        sa.Column("inventory", sa.Integer(), nullable=True),
        sa.Column("taken", sa.Integer(), server_default="0", nullable=False),
        sa.Column("min_tier_id", sa.Uuid(), nullable=True),
        sa.Column("per_member_limit", sa.Integer(), nullable=True),
        sa.Column("active", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("icon", sa.String(), server_default="gift", nullable=False),
        sa.Column("image_url", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("inventory IS NULL OR inventory >= 0", name=op.f("ck_loyalty_rewards_inventory")),
        sa.CheckConstraint(
            "per_member_limit IS NULL OR per_member_limit > 0", name=op.f("ck_loyalty_rewards_per_member_limit")
        ),
        sa.CheckConstraint("points_cost > 0", name=op.f("ck_loyalty_rewards_points_cost")),
        sa.CheckConstraint(
            "starts_at IS NULL OR ends_at IS NULL OR starts_at < ends_at", name=op.f("ck_loyalty_rewards_window")
        ),
        sa.CheckConstraint(
            "taken >= 0 AND (inventory IS NULL OR taken <= inventory)", name=op.f("ck_loyalty_rewards_taken")
        ),
        sa.ForeignKeyConstraint(
            ["min_tier_id"], ["loyalty_tiers.id"], name=op.f("fk_loyalty_rewards_min_tier_id_loyalty_tiers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loyalty_rewards")),
        sa.UniqueConstraint("slug", name=op.f("uq_loyalty_rewards_slug")),
    )
    op.create_index(
        "ix_loyalty_rewards_active",
        "loyalty_rewards",
        ["points_cost"],
        unique=False,
        postgresql_where=sa.text("active"),
    )
