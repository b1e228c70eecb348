"""Tier endpoints."""

from typing import NamedTuple

from apiflask import APIBlueprint
from flask import Response
from sqlalchemy import text

from portal.accounts.web import Access, acting, guarded
from portal.platform.db import db
from portal.platform.db.reads import read_all
from portal.platform.documents import Document
from portal.platform.web.inputs import valid_slug
from portal.platform.web.responses import json
from portal.tiers import models, qualification
from portal.tiers.web import schemas

bp = APIBlueprint("tiers_api", __name__, url_prefix="/api/v1/loyalty", tag="Tiers")


class _Active(NamedTuple):
    """A tier as the API shows it."""

    slug: str
    name: str
    threshold: int
    benefits: list[Document]
    position: int


_ACTIVE = text("SELECT slug, name, threshold, benefits, position FROM loyalty_tiers WHERE active ORDER BY threshold")


def serialize_tier(tier: models.Tier) -> Document:
    """A tier as the API shows it."""
    return {n: getattr(tier, n) for n in ("slug", "name", "threshold", "benefits", "position")}


@bp.get("/tiers")
@guarded(Access.ANY_PRINCIPAL)
@bp.output(schemas.TierList)
def list_tiers() -> Response:
    """List the active tiers by threshold."""
    return json({"tiers": [row._asdict() for row in read_all(_ACTIVE, {}, _Active)]})


@bp.put("/tiers/<slug>")
@guarded(Access.ADMIN)
@bp.input(schemas.TierInput, location="json", arg_name="body")
@bp.output(schemas.Tier)
def put_tier(slug: str, body: schemas.TierInput) -> Response:
    """Create or change a tier."""
    tier, created = qualification.put_tier(db.session(), valid_slug(slug), body.changes(), acting())
    return json(serialize_tier(tier), 201 if created else 200)
