"""Reward endpoints."""

from apiflask import APIBlueprint
from flask import Response

from portal.accounts.web import Access, acting, guarded
from portal.platform import clock
from portal.platform.db import db
from portal.platform.documents import Document
from portal.platform.web.inputs import valid_slug
from portal.platform.web.responses import json
from portal.rewards import catalogue, models
from portal.rewards.web import schemas
from portal.tiers import Tier

bp = APIBlueprint("rewards_api", __name__, url_prefix="/api/v1/loyalty", tag="Rewards")


def serialize_reward(reward: models.Reward, tier: Tier | None) -> Document:
    """A reward as the API shows it."""
    remaining = None if reward.inventory is None else reward.inventory - reward.taken
    return {
        "slug": reward.slug,
        "name": reward.name,
        "description": reward.description,
        "pointsCost": reward.points_cost,
        "inventoryRemaining": remaining,
        "minTier": tier.slug if tier else None,
        "available": catalogue.is_offered(reward, clock.now()) and remaining != 0,
        "perMemberLimit": reward.per_member_limit,
    }


@bp.get("/rewards")
@guarded(Access.ANY_PRINCIPAL)
@bp.output(schemas.RewardList)
def list_rewards() -> Response:
    """List the active rewards, cheapest first."""
    return json({"rewards": [serialize_reward(*row) for row in catalogue.list_rewards(db.session())]})


@bp.put("/rewards/<slug>")
@guarded(Access.ADMIN)
@bp.input(schemas.RewardInput, location="json", arg_name="body")
@bp.output(schemas.Reward)
def put_reward(slug: str, body: schemas.RewardInput) -> Response:
    """Create or change a reward."""
    session = db.session()
    reward, created = catalogue.put_reward(session, valid_slug(slug), body.changes(), acting())
    tier = session.get(Tier, reward.min_tier_id) if reward.min_tier_id else None
    return json(serialize_reward(reward, tier), 201 if created else 200)
