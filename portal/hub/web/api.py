"""The member endpoint, which joins several domains."""

from apiflask import APIBlueprint
from flask import Response

from portal.accounts.web import Access, guarded, proves_token
from portal.hub.member import get_member_document, get_or_enrol
from portal.hub.web import schemas
from portal.platform.web.responses import json

bp = APIBlueprint("hub_api", __name__, url_prefix="/api/v1/loyalty", tag="Members")


@bp.get("/members/<user_id>")
@guarded(Access.SELF_OR_ADMIN)
@proves_token
@bp.output(schemas.Member)
def get_member(user_id: str) -> Response:
    """Show a member; the membership is provisioned when it is first asked for."""
    return json(get_member_document(user_id) or get_or_enrol(user_id))
