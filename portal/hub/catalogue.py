"""The reward catalogue as one member sees it: what they can afford, what not, and why."""

from typing import NamedTuple

from sqlalchemy import text

from portal.platform import clock
from portal.platform.db.reads import read_all
from portal.platform.documents import Document

# Affordable rewards first, then those that cost more points than the member has, then those they cannot get now.
ORDER = ("affordable", "short", "locked", "upcoming", "limit_reached", "out_of_stock")

_REWARDS = text("""
    SELECT r.slug, r.name, r.description, r.points_cost, r.inventory - r.taken AS left, r.per_member_limit, r.icon,
           r.image_url, r.starts_at > :now AS upcoming, t.slug AS min_tier, t.name AS min_tier_name,
           t.threshold AS min_threshold,
           (SELECT count(*) FROM loyalty_redemptions x
            WHERE x.member_id = m.id AND x.reward_id = r.id AND x.status IN ('requested', 'fulfilled')) AS taken
    FROM loyalty_rewards r
    LEFT JOIN loyalty_tiers t ON t.id = r.min_tier_id
    LEFT JOIN loyalty_members m ON m.user_id = :user_id
    WHERE r.active AND (r.ends_at IS NULL OR r.ends_at > :now) AND (CAST(:slug AS text) IS NULL OR r.slug = :slug)
    ORDER BY r.points_cost, r.slug
""")


class RewardRow(NamedTuple):
    """A reward; `left` None: unlimited; `taken` is how many the member has had or requested."""

    slug: str
    name: str
    description: str
    points_cost: int
    left: int | None
    per_member_limit: int | None
    icon: str
    image_url: str | None
    upcoming: bool | None
    min_tier: str | None
    min_tier_name: str | None
    min_threshold: int | None
    taken: int


def list_rewards_for(user_id: str, member: Document, slug: str | None = None) -> list[Document]:
    """Rewards with `state`, `short_by` and `opens_at` for this member (a Member document), in the order of `ORDER`."""
    rows: list[RewardRow] = read_all(_REWARDS, {"user_id": user_id, "now": clock.now(), "slug": slug})
    rewards = [_describe(row, member) for row in rows]
    return sorted(rewards, key=lambda reward: ORDER.index(reward["state"]))


def list_shelf() -> list[Document]:
    """Rewards as a visitor sees them."""
    rows: list[RewardRow] = read_all(_REWARDS, {"user_id": "", "now": clock.now(), "slug": None})
    return [_plain(row) for row in rows]


def _describe(row: RewardRow, member: Document) -> Document:
    short_by = row.points_cost - member["available"]
    return {
        **_plain(row),
        "state": _state(row, member, short_by),
        "short_by": short_by,
        "opens_at": row.min_tier_name,
    }


def _state(row: RewardRow, member: Document, short_by: int) -> str:
    standing = member["tier"]["threshold"] if member["tier"] else -1
    if row.upcoming:
        return "upcoming"
    if row.min_threshold is not None and standing < row.min_threshold:
        return "locked"
    if row.per_member_limit is not None and row.taken >= row.per_member_limit:
        return "limit_reached"
    if row.left == 0:
        return "out_of_stock"
    return "short" if short_by > 0 else "affordable"


def _plain(row: RewardRow) -> Document:
    return {
        "slug": row.slug,
        "name": row.name,
        "description": row.description,
        "pointsCost": row.points_cost,
        "inventoryRemaining": row.left,
        "perMemberLimit": row.per_member_limit,
        "icon": row.icon,
        "image_url": row.image_url,
    }
