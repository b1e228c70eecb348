"""The rewards as the console lists them."""

from typing import NamedTuple

from sqlalchemy import text

from portal.platform.console.tables import Choices, Column, Filter, Table
from portal.platform.db.reads import read_all

_STANDING = """
    CASE WHEN NOT r.active THEN 'withdrawn' WHEN r.ends_at <= CAST(:now AS timestamptz) THEN 'over'
         WHEN r.starts_at > CAST(:now AS timestamptz) THEN 'to come' WHEN r.taken >= r.inventory THEN 'out of stock'
         ELSE 'offered' END
"""
STANDINGS = ("offered", "out of stock", "to come", "over", "withdrawn")

REWARDS = Table(
    name="rewards",
    source="loyalty_rewards r LEFT JOIN loyalty_tiers t ON t.id = r.min_tier_id",
    key="r.id",
    key_type="uuid",
    order="points_cost",
    columns=(
        Column("name", "Reward", "r.name"),
        Column("slug", "Id", "r.slug", "code"),
        Column("points_cost", "Points", "r.points_cost", "points", sorts="bigint"),
        Column("standing", "State", _STANDING, "status"),
        Column("left_over", "Stock left", "r.inventory - r.taken", "number"),
        Column("taken", "Taken", "r.taken", "number", sorts="integer"),
        Column("per_member_limit", "Per member", "r.per_member_limit", "number"),
        Column("min_tier", "From tier", "t.name"),
        Column("starts_at", "From", "r.starts_at", "moment"),
        Column("ends_at", "Until", "r.ends_at", "moment"),
        Column("updated_at", "Changed", "r.updated_at", "moment", sorts="timestamptz", shown=False),
    ),
    filters=(
        Filter("state", "State", f"({_STANDING}) = :state", tuple((name, name.capitalize()) for name in STANDINGS)),
        Filter("find", "Name or id", "r.slug = lower(:find) OR strpos(lower(r.name), lower(:find)) > 0"),
    ),
)


class _Choice(NamedTuple):
    """A reward to choose."""

    slug: str
    name: str


_NAMES = text("SELECT slug, name FROM loyalty_rewards ORDER BY lower(name), slug LIMIT 500")


def list_reward_choices() -> Choices:
    """The rewards to narrow a list by: slug and name, by name."""
    return tuple((row.slug, row.name) for row in read_all(_NAMES, {}, _Choice))
