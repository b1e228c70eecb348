"""The member endpoints, whose answer joins several domains."""

from apiflask import APIBlueprint
from flask import Response

from portal.accounts.web import Access, acting, guarded, proves_token
from portal.hub.member import get_member_document, get_or_enrol
from portal.hub.web import schemas
from portal.ledger import write_off
from portal.members import set_status
from portal.platform.db import db
from portal.platform.web.responses import json
from portal.tiers import enrol

bp = APIBlueprint("hub_api", __name__, url_prefix="/api/v1/loyalty", tag="Members")


@bp.get("/members/<user_id>")
@guarded(Access.SELF_OR_ADMIN)
@proves_token
@bp.output(schemas.Member)
def get_member(user_id: str) -> Response:
    """Show a member; the membership is provisioned when it is first asked for."""
    return json(get_member_document(user_id) or get_or_enrol(user_id))


@bp.post("/members/<user_id>/suspend")
@guarded(Access.ADMIN)
@bp.input(schemas.StatusInput, location="json", arg_name="body")
@bp.output(schemas.Member)
def suspend_member(user_id: str, body: schemas.StatusInput) -> Response:
    """Suspend a membership: points stay, and are neither spent nor earned. A suspended one stays as it is."""
    return _change_status(user_id, "suspended", body.reason)


@bp.post("/members/<user_id>/reactivate")
@guarded(Access.ADMIN)
@bp.input(schemas.StatusInput, location="json", arg_name="body")
@bp.output(schemas.Member)
def reactivate_member(user_id: str, body: schemas.StatusInput) -> Response:
    """Make a suspended membership active again; a worker books what its orders have earned meanwhile."""
    return _change_status(user_id, "active", body.reason)


@bp.post("/members/<user_id>/owed/write-off")
@guarded(Access.ADMIN)
@bp.input(schemas.WriteOffInput, location="json", arg_name="body")
@bp.output(schemas.Member)
def write_off_owed(user_id: str, body: schemas.WriteOffInput) -> Response:
    """Give up points that a member owes, the oldest debt first."""
    session = db.session()
    write_off(session, enrol(session, user_id).id, body.points, acting(body.reason))
    return json(get_or_enrol(user_id))


def _change_status(user_id: str, status: str, reason: str) -> Response:
    session = db.session()
    enrol(session, user_id)
    set_status(session, user_id, status, acting(reason))
    return json(get_or_enrol(user_id))
