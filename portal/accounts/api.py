"""User endpoints."""

from apiflask import APIBlueprint
from flask import Response

from portal.accounts import schemas
from portal.accounts.guards import Access, guarded
from portal.accounts.principal import current
from portal.accounts.profile import document
from portal.accounts.upsert import upsert_user
from portal.core.db import db
from portal.core.responses import json

bp = APIBlueprint("accounts_api", __name__, url_prefix="/api/v1", tag="Users")


@bp.put("/users/<user_id>")
@guarded(Access.ADMIN)
@bp.input(schemas.UserInput, location="json", arg_name="body")
@bp.output(schemas.User)
def put_user(user_id: str, body: schemas.UserInput) -> Response:
    """Create or change a user; optional fields that are left out keep their value, null clears them."""
    caller, session = current(), db.session()
    user, created = upsert_user(session, user_id, body.changes(), actor=caller.actor, over_staff=caller.owns_programme)
    return json(document(session, user), 201 if created else 200)
