"""User endpoints."""

from apiflask import APIBlueprint
from flask import Response

from portal.accounts.users import find_by_email, get_user, serialize_user, upsert_user
from portal.accounts.web import schemas
from portal.accounts.web.caller import current
from portal.accounts.web.guards import Access, guarded
from portal.platform.db import db
from portal.platform.web.responses import json

bp = APIBlueprint("accounts_api", __name__, url_prefix="/api/v1", tag="Users")


@bp.put("/users/<user_id>")
@guarded(Access.ORDERS_OR_ADMIN)
@bp.input(schemas.UserInput, location="json", arg_name="body")
@bp.output(schemas.User)
def put_user(user_id: str, body: schemas.UserInput) -> Response:
    """Create or change a user; optional fields that are left out keep their value, null clears them.

    You vouch for the address: it counts as verified, and is taken over from whoever registered it without confirming.
    An operator or admin is changed only by an admin.
    """
    caller, session = current(), db.session()
    user, created = upsert_user(
        session,
        user_id,
        body.changes(),
        actor=caller.actor,
        over_staff=caller.owns_programme,
        grant=body.grant(),
    )
    return json(serialize_user(session, user), 201 if created else 200)


@bp.get("/users/<user_id>")
@guarded(Access.ADMIN)
@bp.output(schemas.User)
def show_user(user_id: str) -> Response:
    """Show a user, whether their address is verified, and where their consent stands."""
    session = db.session()
    return json(serialize_user(session, get_user(session, user_id)))


@bp.get("/users")
@guarded(Access.ADMIN)
@bp.input(schemas.UserSearch, location="query", arg_name="query")
@bp.output(schemas.UserPage)
def find_users(query: schemas.UserSearch) -> Response:
    """Find the user with an address."""
    session = db.session()
    user = find_by_email(session, query.email)
    return json({"users": [serialize_user(session, user)] if user else [], "nextCursor": None})
