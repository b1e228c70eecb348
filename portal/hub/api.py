"""The member endpoint, which joins several domains."""

from apiflask import APIBlueprint
from flask import Response, current_app

from portal.accounts.guards import Access, guarded
from portal.core.db import db
from portal.core.responses import json
from portal.hub import schemas
from portal.hub.member import get_member_document
from portal.ledger.rules import EarningRules
from portal.tiers.service import enrol

bp = APIBlueprint("hub_api", __name__, url_prefix="/api/v1/loyalty", tag="Members")


@bp.get("/members/<user_id>")
@guarded(Access.SELF_OR_ADMIN)
@bp.output(schemas.Member)
def get_member(user_id: str) -> Response:
    """Show a member; the membership is provisioned when it is first asked for."""
    settings = current_app.config["SETTINGS"]
    rules = EarningRules.of(settings)
    document = get_member_document(user_id, rules, settings.streak_bonus_points)
    if document is None:
        enrol(db.session(), user_id)
        document = get_member_document(user_id, rules, settings.streak_bonus_points, db.session())
    return json(document)
