"""The catalogue: rewards for points, and their stock."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from pydantic.alias_generators import to_camel
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from portal.platform import audit, clock, ids
from portal.platform.audit import Act
from portal.platform.documents import Document
from portal.platform.formatting import grouped
from portal.platform.problems import Conflict, Forbidden, InvalidInput, NotFound
from portal.rewards.models import Reward
from portal.tiers import Tier

AUDITED = (
    "slug",
    "name",
    "description",
    "points_cost",
    "inventory",
    "per_member_limit",
    "active",
    "starts_at",
    "ends_at",
    "icon",
    "image_url",
)


class RewardNotFound(NotFound):
    """No such reward, or it is not offered now."""

    code = "reward_not_found"
    title = "No such reward"


class OutOfStock(Conflict):
    """No item is left."""

    code = "reward_out_of_stock"
    title = "This reward is out of stock"


class LimitReached(Conflict):
    """The member has reached the limit per member."""

    code = "reward_limit_reached"
    title = "The limit per member is reached"


class PriceChanged(Conflict):
    """The reward costs something else than expected; the response contains `pointsCost`."""

    code = "price_changed"
    title = "The price of this reward has changed"

    def __init__(self, points_cost: int) -> None:
        super().__init__(f"It costs {grouped(points_cost)} points now.", extra={"pointsCost": points_cost})


class TierRequired(Forbidden):
    """The reward is for a higher tier."""

    code = "tier_required"
    title = "This reward is for a higher tier"


_TAKE = text("""
    UPDATE loyalty_rewards r SET taken = taken + 1
    WHERE slug = :slug AND active AND (starts_at IS NULL OR starts_at <= :now) AND (ends_at IS NULL OR ends_at > :now)
      AND (inventory IS NULL OR taken < inventory)
    RETURNING id, name, points_cost, per_member_limit,
              (SELECT threshold FROM loyalty_tiers t WHERE t.id = r.min_tier_id) AS min_threshold,
              (SELECT name FROM loyalty_tiers t WHERE t.id = r.min_tier_id) AS min_tier
""")
_GIVE_BACK = text("""
    UPDATE loyalty_rewards r SET taken = r.taken - back.items
    FROM (SELECT id, count(*)::int AS items FROM unnest(CAST(:ids AS uuid[])) AS id GROUP BY id ORDER BY id) back
    WHERE r.id = back.id
""")
# Of a limited stock that has gone to others since, there was one more than was believed.
_TAKE_AGAIN = text("""
    UPDATE loyalty_rewards
    SET taken = taken + 1, inventory = CASE WHEN inventory IS NOT NULL THEN greatest(inventory, taken + 1) END
    WHERE id = :id
""")


class Taken(NamedTuple):
    """The reward of a taken item, with the tier that it requires, if any."""

    id: UUID
    name: str
    points_cost: int
    per_member_limit: int | None
    min_threshold: int | None
    min_tier: str | None


def take_reward(session: Session, slug: str, now: datetime, expected_points: int | None = None) -> Taken:
    """Take one item of a reward. `expected_points` is what whoever wants it believes that it costs.

    It is one conditional UPDATE, so that of two calls for the last item only one gets it (CONTRACT rule 8).

    :raises RewardNotFound: if the reward is unknown, inactive or outside its window.
    :raises OutOfStock: if no item is left.
    :raises PriceChanged: if it costs something else than expected.
    """
    row = session.execute(_TAKE, {"slug": slug, "now": now}).first()
    if row is not None:
        if expected_points not in (None, row.points_cost):
            raise PriceChanged(row.points_cost)
        return Taken(*row)
    reward = session.scalar(select(Reward).where(Reward.slug == slug))
    if reward is None or not is_offered(reward, now):
        raise RewardNotFound
    raise OutOfStock


def give_back(session: Session, reward_ids: list[UUID]) -> None:
    """Return items to stock, one for each id in the list."""
    if reward_ids:
        session.execute(_GIVE_BACK, {"ids": reward_ids})


def take_again(session: Session, reward_id: UUID) -> None:
    """Take an item that was given back, as whoever had it keeps it after all, whatever is offered now."""
    session.execute(_TAKE_AGAIN, {"id": reward_id})


def is_offered(reward: Reward, now: datetime) -> bool:
    """Whether the reward is active and within its window."""
    begun = reward.starts_at is None or reward.starts_at <= now
    return reward.active and begun and (reward.ends_at is None or reward.ends_at > now)


def list_rewards(session: Session) -> list[tuple[Reward, Tier | None]]:
    """Active rewards whose window has not ended, with the tier that each requires, cheapest first."""
    statement = (
        select(Reward, Tier)
        .outerjoin(Tier, Tier.id == Reward.min_tier_id)
        .where(Reward.active, (Reward.ends_at.is_(None)) | (Reward.ends_at > clock.now()))
        .order_by(Reward.points_cost, Reward.slug)
    )
    return [(reward, tier) for reward, tier in session.execute(statement)]


def put_reward(session: Session, slug: str, fields: Document, act: Act) -> tuple[Reward, bool]:
    """Create or change a reward. Fields left out keep their value; `min_tier` is a tier's slug or None.

    :raises InvalidInput: if a field is missing, the tier is unknown, the stock is below what is taken, or the window
        does not end after it starts.
    """
    reward = session.scalar(select(Reward).where(Reward.slug == slug).with_for_update())
    created, before = reward is None, None if reward is None else describe(session, reward)
    if reward is None:
        missing = [(to_camel(field), "is required") for field in ("name", "points_cost") if field not in fields]
        if missing:
            raise InvalidInput(*missing)
        reward = Reward(id=ids.new_id(), slug=slug, description="", taken=0, active=True, created_at=act.now)
    if "min_tier" in fields:
        reward.min_tier_id = _tier_id(session, fields["min_tier"])
    for name in fields.keys() - {"min_tier"}:
        setattr(reward, name, fields[name])
    reward.updated_at = act.now
    if reward.inventory is not None and reward.inventory < reward.taken:
        raise InvalidInput(("inventory", f"{grouped(reward.taken)} are taken already"))
    if reward.starts_at and reward.ends_at and reward.starts_at >= reward.ends_at:
        raise InvalidInput(("endsAt", "must be after startsAt"))
    session.add(reward)
    session.flush()
    audit.record(
        session,
        act,
        action="reward.put",
        object_type="reward",
        object_id=slug,
        before=before,
        after=describe(session, reward),
    )
    return reward, created


def describe(session: Session, reward: Reward) -> Document:
    """The reward as the audit log stores it."""
    tier = session.get(Tier, reward.min_tier_id) if reward.min_tier_id else None
    return {**{name: getattr(reward, name) for name in AUDITED}, "min_tier": tier.slug if tier else None}


def _tier_id(session: Session, slug: str | None) -> UUID | None:
    if slug is None:
        return None
    tier_id = session.scalar(select(Tier.id).where(Tier.slug == slug))
    if tier_id is None:
        raise InvalidInput(("minTier", f"there is no tier {slug}"))
    return tier_id
