"""Redemption endpoints."""

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response

from portal.accounts.web import Access, acting, current, current_user_id, guarded, proves_token
from portal.ledger import get_entry
from portal.ledger.web import LedgerEntry
from portal.platform.db import db
from portal.platform.settings import current_settings
from portal.platform.web.responses import json
from portal.redemptions import lifecycle, reads
from portal.redemptions.lifecycle import HoldRules
from portal.redemptions.models import RedemptionStatus
from portal.redemptions.refunds import RestoreRules, refund_redemption
from portal.redemptions.web import schemas

bp = APIBlueprint("redemptions_api", __name__, url_prefix="/api/v1/loyalty", tag="Redemptions")


@bp.get("/redemptions")
@guarded(Access.MEMBER)
@proves_token
@bp.input(schemas.RedemptionQuery, location="query", arg_name="query")
@bp.output(schemas.RedemptionPage)
def list_redemptions(query: schemas.RedemptionQuery) -> Response:
    """List the member's redemptions, newest first."""
    return json(
        reads.list_redemptions(current_user_id(), statuses=query.statuses, limit=query.limit, cursor=query.cursor)
    )


@bp.post("/members/<user_id>/redemptions")
@guarded(Access.CHECKOUT_OR_ADMIN)
@bp.input(schemas.RedemptionInput, location="json", arg_name="body")
@bp.output(schemas.Redemption, status_code=201)
def create_redemption(user_id: str, body: schemas.RedemptionInput) -> Response:
    """Request a redemption: hold the points of a reward, or a custom amount."""
    session = db.session()
    redemption = lifecycle.reserve_points(
        session,
        user_id,
        lifecycle.Wish(
            body.reward_slug, body.points or 0, body.description or "", expected_points=body.expected_points
        ),
        acting(),
        rules=HoldRules.of(current_settings()),
    )
    return json(reads.get_redemption(session, redemption.id), 201)


@bp.post("/redemptions/<ulid:redemption_id>/fulfill")
@guarded(Access.ADMIN)
@bp.output(schemas.Redemption)
def fulfill(redemption_id: UUID) -> Response:
    """Fulfil a redemption: debit its points."""
    session = db.session()
    lifecycle.fulfill_redemption(session, redemption_id, acting())
    return json(reads.get_redemption(session, redemption_id))


@bp.post("/redemptions/<ulid:redemption_id>/fail")
@guarded(Access.ADMIN)
@bp.input(schemas.ReasonInput, location="json", arg_name="body")
@bp.output(schemas.Redemption)
def fail(redemption_id: UUID, body: schemas.ReasonInput) -> Response:
    """Fail a redemption: give its points back."""
    return _release(redemption_id, RedemptionStatus.FAILED, body.reason)


@bp.post("/redemptions/<ulid:redemption_id>/cancel")
@guarded(Access.MEMBER_OR_ADMIN)
@bp.input(schemas.ReasonInput, location="json", arg_name="body")
@bp.output(schemas.Redemption)
def cancel(redemption_id: UUID, body: schemas.ReasonInput) -> Response:
    """Cancel a redemption: give its points back. Members cancel their own."""
    return _release(redemption_id, RedemptionStatus.CANCELLED, body.reason)


@bp.post("/redemptions/<ulid:redemption_id>/refund")
@guarded(Access.ADMIN)
@bp.input(schemas.ReasonInput, location="json", arg_name="body")
@bp.output(schemas.Redemption)
def refund(redemption_id: UUID, body: schemas.ReasonInput) -> Response:
    """Refund a fulfilled redemption: give back what of its points is not back yet, and its item."""
    session = db.session()
    refund_redemption(session, redemption_id, acting(body.reason), RestoreRules.of(current_settings()))
    return json(reads.get_redemption(session, redemption_id))


@bp.post("/redemptions/<ulid:redemption_id>/references")
@guarded(Access.ADMIN)
@bp.output(LedgerEntry, status_code=201)
@bp.doc(responses={200: "Nothing was missing: the entry as it is."})
def add_references(redemption_id: UUID) -> Response:
    """Let the ledger entry of a fulfilled redemption name it, where it does not."""
    redemption, added = lifecycle.add_references(db.session(), redemption_id, acting())
    assert redemption.ledger_entry_id is not None
    return json(get_entry(redemption.member_id, redemption.ledger_entry_id), 201 if added else 200)


def _release(redemption_id: UUID, status: RedemptionStatus, reason: str) -> Response:
    session, principal = db.session(), current()
    lifecycle.release_redemption(
        session,
        redemption_id,
        status,
        acting(reason),
        only_user_id=None if principal.runs_programme else principal.user_id,
    )
    return json(reads.get_redemption(session, redemption_id))
