"""Referral endpoints."""

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, current_app, request

from portal.accounts.web import Access, acting, current, current_user_id, guarded
from portal.ledger import EarningRules, Shortfall, serialize_entry
from portal.platform import clock
from portal.platform.db import db
from portal.platform.settings import current_settings
from portal.platform.web.responses import json
from portal.referrals import reads
from portal.referrals.converting import completion, reversal
from portal.referrals.converting.eligibility import Order
from portal.referrals.invites import create_invite, issue_invite
from portal.referrals.rules import ReferralRules
from portal.referrals.segments import DEFINITIONS, get_segment_of
from portal.referrals.standing import cancel_invite
from portal.referrals.web import schemas

bp = APIBlueprint("referrals_api", __name__, url_prefix="/api/v1/loyalty", tag="Referrals")


@bp.get("/referrals")
@guarded(Access.MEMBER)
@bp.input(schemas.ReferralQuery, location="query", arg_name="query")
@bp.output(schemas.ReferralPage)
def list_referrals(query: schemas.ReferralQuery) -> Response:
    """List the member's invites, newest first, with their quota."""
    page = reads.list_referrals(
        current_user_id(), now=clock.now(), rules=_rules(), limit=query.limit, cursor=query.cursor
    )
    return json(page)


@bp.post("/referrals")
@guarded(Access.MEMBER)
@bp.input(schemas.ReferralInput, location="json", arg_name="body")
@bp.output(schemas.Referral, status_code=201)
def create_referral(body: schemas.ReferralInput) -> Response:
    """Invite someone, within quota and cooldown."""
    invite = create_invite(db.session(), current_user_id(), body.invitation(), now=clock.now(), rules=_rules())
    return _referral(invite.id, 201)


@bp.post("/referrals/<ulid:referral_id>/cancel")
@guarded(Access.MEMBER)
@bp.output(schemas.Referral)
def cancel_referral(referral_id: UUID) -> Response:
    """Take an open invite back."""
    cancel_invite(db.session(), referral_id, acting(), only_user_id=current_user_id())
    return _referral(referral_id)


@bp.post("/referrals/<ulid:referral_id>/void")
@guarded(Access.ADMIN)
@bp.input(schemas.VoidInput, location="json", arg_name="body")
@bp.output(schemas.VoidedReferral)
def void_referral(referral_id: UUID, body: schemas.VoidInput) -> Response:
    """Undo a conversion, pending or paid, on both sides; the friend never converts again."""
    settings = current_settings()
    shortfall, earning = Shortfall(settings.refund_shortfall), EarningRules.of(settings)
    voided = reversal.void_referral(db.session(), referral_id, acting(body.reason), shortfall, earning)
    answer = {
        "referral": reads.get_referral(db.session(), referral_id, now=clock.now(), rules=_rules()),
        "ledgerEntries": [serialize_entry(entry) for entry in voided.entries],
    }
    return json(answer)


@bp.get("/referrals/conversions")
@guarded(Access.MEMBER)
@bp.input(schemas.ReferralQuery, location="query", arg_name="query")
@bp.output(schemas.ConversionPage)
def list_conversions(query: schemas.ReferralQuery) -> Response:
    """Show how the member's invites have done, newest conversion first."""
    page = reads.list_conversions(
        current_user_id(), now=clock.now(), rules=_rules(), limit=query.limit, cursor=query.cursor
    )
    return json(page)


@bp.get("/referrals/segments")
@guarded(Access.ANY_PRINCIPAL)
@bp.output(schemas.SegmentReport)
def get_segments() -> Response:
    """Show the segments of members who refer, and the caller's own."""
    principal = current()
    named = request.headers.get("X-User-Id") if principal.scopes & {"member", "admin"} else None
    user_id, now = principal.user_id or named, clock.now()
    figures, as_of = current_app.extensions["referral_segments"].get(now)
    mine = get_segment_of(user_id, now) if user_id else None
    return json({"asOf": as_of, "segments": figures, "definitions": DEFINITIONS, "mySegment": mine})


@bp.post("/members/<user_id>/referrals")
@guarded(Access.ADMIN)
@bp.input(schemas.AdminReferralInput, location="json", arg_name="body")
@bp.output(schemas.Referral, status_code=201)
def issue_referral(user_id: str, body: schemas.AdminReferralInput) -> Response:
    """Issue an invite on a member's behalf, without quota and cooldown."""
    invite = issue_invite(db.session(), user_id, body.invitation(), acting(), rules=_rules())
    return _referral(invite.id, 201)


@bp.post("/referrals/complete")
@guarded(Access.ADMIN)
@bp.input(schemas.CompletionInput, location="json", arg_name="body")
@bp.output(schemas.CompletedReferral)
def complete_referral(body: schemas.CompletionInput) -> Response:
    """Complete a referral: credit who invited and the friend, once.

    The same friend with the same `orderReference` again gets the first answer; otherwise the refusal names the referral
    that stands in the way by `referralId`, and its `orderReference`.
    """
    done = completion.complete_referral(
        db.session(),
        body.code,
        body.referee_user_id,
        Order(body.order_reference, body.order_amount),
        acting(),
        rules=_rules(),
        earning=EarningRules.of(current_settings()),
    )
    answer = {
        "referral": reads.get_referral(db.session(), done.invite.id, now=clock.now(), rules=_rules()),
        "ledgerEntries": [serialize_entry(entry) for entry in done.entries],
        "tierUpgrade": done.upgrade,
    }
    return json(answer)


def _referral(invite_id: UUID, status: int = 200) -> Response:
    return json(reads.get_referral(db.session(), invite_id, now=clock.now(), rules=_rules()), status)


def _rules() -> ReferralRules:
    return ReferralRules.of(current_settings())
