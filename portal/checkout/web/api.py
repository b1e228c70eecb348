"""Checkout endpoints."""

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, request

from portal.accounts import UserNotFound, UserRequired
from portal.accounts.web import Access, acting, current, current_user_id, guarded, proves_token
from portal.checkout import intents, reads
from portal.checkout.intents import CheckoutRules
from portal.checkout.web import schemas
from portal.platform import clock
from portal.platform.db import db
from portal.platform.settings import current_settings
from portal.platform.web.responses import json

bp = APIBlueprint("checkout_api", __name__, url_prefix="/api/v1/loyalty", tag="Checkout")


@bp.post("/checkout/intents")
@guarded(Access.CHECKOUT_OR_MEMBER)
@bp.input(schemas.CheckoutInput, location="json", arg_name="body")
@bp.output(schemas.CheckoutFeed)
def sync_intents(body: schemas.CheckoutInput) -> Response:
    """Plan, confirm or cancel what a checkout offers; the member's feed, with the intents of this request."""
    session, act, user_id = db.session(), acting(), _user_of(body)
    checkout = body.checkout(by_member=current().kind == "user")
    touched = intents.sync_intents(session, user_id, checkout, act, rules=_rules())
    return json(reads.get_feed_with(session, user_id, touched, act.now, _rules()))


@bp.get("/next-actions")
@guarded(Access.MEMBER)
@proves_token
@bp.output(schemas.CheckoutFeed)
def list_next_actions() -> Response:
    """List the member's pending intents and their cards."""
    return json(reads.get_feed(current_user_id(), clock.now(), _rules()))


@bp.post("/next-actions/<ulid:intent_id>/resolve")
@guarded(Access.MEMBER)
@bp.input(schemas.ResolutionInput, location="json", arg_name="body")
@bp.output(schemas.CheckoutIntent)
def resolve_next_action(intent_id: UUID, body: schemas.ResolutionInput) -> Response:
    """Take a next action off the feed; the intent as it is now."""
    session, now = db.session(), clock.now()
    intents.resolve_intent(session, current_user_id(), intent_id, body.status, now=now)
    return json(reads.get_intent(session, current_user_id(), intent_id, now, _rules()))


def _user_of(body: schemas.CheckoutInput) -> str:
    """The user that the request is for: a session acts for its own user, a service names the member."""
    caller = current()
    if caller.kind == "user" and body.user_id not in (None, caller.user_id):
        raise UserNotFound
    user_id = caller.user_id or body.user_id or request.headers.get("X-User-Id", "").strip()
    if not user_id:
        raise UserRequired("Name the member in userId, or in the header X-User-Id.")
    return user_id


def _rules() -> CheckoutRules:
    return CheckoutRules.of(current_settings())
