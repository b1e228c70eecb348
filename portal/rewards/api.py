"""Reward endpoints."""

from typing import Any

from apiflask import APIBlueprint
from flask import Response

from portal.accounts.guards import Access, guarded
from portal.accounts.principal import current
from portal.core import clock
from portal.core.db import db
from portal.core.responses import json
from portal.core.schemas import valid_slug
from portal.rewards import models, schemas, service
from portal.tiers.models import Tier

bp = APIBlueprint("rewards_api", __name__, url_prefix="/api/v1/loyalty", tag="Rewards")


def document(reward: models.Reward, tier: Tier | None) -> dict[str, Any]:
    """A reward as the API shows it."""
    remaining = None if reward.inventory is None else reward.inventory - reward.taken
    return {
        "slug": reward.slug,
        "name": reward.name,
        "description": reward.description,
        "pointsCost": reward.points_cost,
        "inventoryRemaining": remaining,
        "minTier": tier.slug if tier else None,
        "available": service.is_offered(reward, clock.now()) and remaining != 0,
        "perMemberLimit": reward.per_member_limit,
    }


@bp.get("/rewards")
@guarded(Access.ANY_PRINCIPAL)
@bp.output(schemas.RewardList)
def list_rewards() -> Response:
    """List the active rewards, cheapest first."""
    return json({"rewards": [document(*row) for row in service.list_rewards(db.session())]})


@bp.put("/rewards/<slug>")
@guarded(Access.ADMIN)
@bp.input(schemas.RewardInput, location="json", arg_name="body")
@bp.output(schemas.Reward)
def put_reward(slug: str, body: schemas.RewardInput) -> Response:
    """Create or change a reward."""
    session = db.session()
    reward, created = service.put_reward(session, valid_slug(slug), body.changes(), current().actor)
    tier = session.get(Tier, reward.min_tier_id) if reward.min_tier_id else None
    return json(document(reward, tier), 201 if created else 200)
