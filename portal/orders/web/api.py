"""Endpoints of orders."""

from typing import Any

from apiflask import APIBlueprint
from flask import Response, request
from pydantic import ValidationError

from portal.accounts import UserNotFound
from portal.accounts.web import Access, acting, current, guarded
from portal.earning import round_half_up
from portal.ledger import serialize_entry
from portal.orders import reads, taking
from portal.orders.commands import batches, operating, refund_quotes, refunds
from portal.orders.judging.preview import preview_rule
from portal.orders.judging.quotes import Quote, quote_cart
from portal.orders.owners import find_holder
from portal.orders.rules import OrderRules
from portal.orders.sentences import tell_reason
from portal.orders.state import CartInput, OrderInput, RefundInput, RefundRequest
from portal.orders.taking import Taken
from portal.orders.web import schemas
from portal.platform import clock
from portal.platform.db import db
from portal.platform.documents import Document
from portal.platform.problems import DomainError, InvalidInput, document_of
from portal.platform.settings import current_settings
from portal.platform.web.inputs import invalid
from portal.platform.web.responses import json
from portal.referrals import ReferralRules, get_referral

bp = APIBlueprint("orders_api", __name__, url_prefix="/api/v1/loyalty", tag="Orders")

_WAITS = {"status": "unmatched"}
_UNMATCHED: Any = {
    "description": "The order is not known yet: the refund waits for it, or waits no more.",
    "content": {"application/json": {"schema": schemas.Unmatched.model_json_schema()}},
}


@bp.put("/orders/<reference>")
@guarded(Access.ORDERS_OR_ADMIN)
@bp.input(OrderInput, location="json", arg_name="body")
@bp.output(schemas.OrderAnswer)
@bp.doc(responses={201: "The order is new."})
def put_order(reference: str, body: OrderInput) -> Response:
    """Tell the whole state of an order, and grant or take back what follows from it."""
    taken = taking.put_order(db.session(), schemas.valid_reference(reference), body, acting(), _rules())
    return json(_answer(taken), 201 if taken.created else 200)


@bp.post("/orders/batch")
@guarded(Access.ORDERS_OR_ADMIN)
@bp.input(schemas.OrderBatchInput, location="json", arg_name="body")
@bp.output(schemas.OrderResults)
def put_orders(body: schemas.OrderBatchInput) -> Response:
    """Tell the states of many orders, each as if it were sent alone; `history` loads orders of the past."""
    rows = [
        invalid(item) if isinstance(item, ValidationError) else (item.order_reference, item.order())
        for item in body.items
    ]
    done = batches.put_orders(db.session(), rows, acting(), _rules(), history=body.mode == "history")
    return json({"results": [_result(each) for each in done]})


@bp.get("/orders/<reference>")
@guarded(Access.ORDER_READER)
@bp.output(schemas.Order)
def get_order(reference: str) -> Response:
    """Show an order."""
    principal = current()
    by_reference = principal.runs_programme or "orders" in principal.scopes
    return json(reads.get_order(reference, only_user_id=None if by_reference else principal.user_id))


@bp.get("/orders")
@guarded(Access.MEMBER_OR_ADMIN)
@bp.input(schemas.OrderQuery, location="query", arg_name="query")
@bp.output(schemas.OrderPage)
def list_orders(query: schemas.OrderQuery) -> Response:
    """List the member's orders, newest first; operators and scope admin see everybody's, or one member's."""
    principal = current()
    if not principal.runs_programme and query.user_id not in (None, principal.user_id):
        raise UserNotFound
    user_id = query.user_id if principal.runs_programme else principal.user_id
    return json(reads.list_orders(user_id, limit=query.limit, cursor=query.cursor))


@bp.post("/orders/quote")
@guarded(Access.QUOTE)
@bp.input(CartInput, location="json", arg_name="body")
@bp.output(schemas.Quote)
def quote_order(body: CartInput) -> Response:
    """Tell what a cart would earn if it were paid now; nothing is written."""
    session, principal = db.session(), current()
    if principal.kind == "user" and not principal.runs_programme:
        if body.user_id not in (None, principal.user_id):
            raise UserNotFound
        if body.email is not None:
            raise InvalidInput(("email", "members are told what they would earn themselves"))
    named = body.user_id or (None if body.email else principal.user_id or request.headers.get("X-User-Id"))
    member_id = find_holder(session, named, body.email)
    return json(_quoted(quote_cart(session, body, member_id, _rules(), clock.now())))


@bp.post("/orders/<reference>/refunds")
@guarded(Access.ORDERS_OR_ADMIN)
@bp.input(RefundRequest, location="json", arg_name="body")
@bp.output(schemas.OrderAnswer, status_code=201)
@bp.doc(responses={200: "The refund was known already.", 202: _UNMATCHED})
def refund_order(reference: str, body: RefundRequest) -> Response:
    """Tell of one refund, and take back what it leaves no ground for."""
    taken = refund_quotes.refund_as_quoted(db.session(), schemas.valid_reference(reference), body, acting(), _rules())
    if taken is None:
        return json(_WAITS, 202)
    return json(_answer(taken), 201 if taken.created else 200)


@bp.post("/orders/<reference>/refunds/quote")
@guarded(Access.ORDERS_OR_ADMIN)
@bp.input(RefundInput, location="json", arg_name="body")
@bp.output(schemas.RefundQuote)
def quote_refund(reference: str, body: RefundInput) -> Response:
    """Tell what a refund would do now; nothing is written."""
    reference = schemas.valid_reference(reference)
    return json(refund_quotes.quote_refund(db.session(), reference, body, acting(), _rules()))


@bp.delete("/orders/<reference>/refunds/<refund_id>")
@guarded(Access.ORDERS_OR_ADMIN)
@bp.output(schemas.OrderAnswer)
@bp.doc(responses={202: _UNMATCHED})
def undo_refund(reference: str, refund_id: str) -> Response:
    """Say that a refund was undone: what the order should have granted rises again."""
    refund_id = schemas.valid_reference(refund_id, "refundId")
    taken = refunds.undo_refund(db.session(), schemas.valid_reference(reference), refund_id, acting(), _rules())
    return json(_WAITS, 202) if taken is None else json(_answer(taken))


@bp.post("/orders/<reference>/release")
@guarded(Access.ADMIN)
@bp.input(schemas.ReleaseInput, location="json", arg_name="body")
@bp.output(schemas.OrderAnswer)
def release_order(reference: str, body: schemas.ReleaseInput) -> Response:
    """Let the pending points of an order become active now."""
    return json(_answer(operating.release_order(db.session(), reference, acting(body.reason), _rules())))


@bp.post("/orders/<reference>/claim")
@guarded(Access.ADMIN)
@bp.input(schemas.ClaimInput, location="json", arg_name="body")
@bp.output(schemas.OrderAnswer)
def claim_order(reference: str, body: schemas.ClaimInput) -> Response:
    """Say whose an order is that is nobody's, and grant what it earns."""
    claimed = operating.claim_order(db.session(), reference, body.user_id, acting(body.reason), _rules())
    return json(_answer(claimed))


@bp.post("/earning-rules/preview")
@guarded(Access.ADMIN)
@bp.input(schemas.RulePreviewInput, location="json", arg_name="body")
@bp.output(schemas.RulePreview)
def preview_earning_rule(body: schemas.RulePreviewInput) -> Response:
    """Judge the orders of the last days by a draft of an earning rule; nothing is written."""
    found = preview_rule(body.slug, body.rule, body.days, clock.now())
    points, members = {"then": found.then, "now": found.now}, {"better": found.better, "worse": found.worse}
    return json({"orders": found.orders, "points": points, "members": members})


def _result(done: Taken | DomainError) -> Document:
    if isinstance(done, DomainError):
        return {"status": done.status, "body": document_of(done)}
    return {"status": 201 if done.created else 200, "body": _answer(done)}


def _answer(taken: Taken) -> Document:
    order, entries, upgrades = taken.order, list(taken.booked.entries), list(taken.booked.upgrades)
    converted = taken.converted
    if converted is not None:
        entries += converted.entries
    entries += [entry for taken_back in taken.taken_back for entry in taken_back.entries]
    rise = next((upgrade for upgrade in upgrades if upgrade.member_id == order.member_id), None)
    told = [each.invite.id for each in (converted, *taken.taken_back) if each is not None]
    rules, now = ReferralRules.of(current_settings()), clock.now()
    return {
        "order": reads.get_order(order.reference),
        "entries": [serialize_entry(entry) for entry in entries],
        "tierUpgrade": {"from": rise.from_slug, "to": rise.to_slug} if rise else None,
        "referral": get_referral(db.session(), told[0], now=now, rules=rules) if told else None,
        "ignored": taken.ignored,
    }


def _quoted(quote: Quote) -> Document:
    target = quote.target
    grants = [
        reads.serialize_grant(
            grant.rule.slug,
            grant.rule.version,
            grant.points,
            quote.facts[grant.rule.slug],
            grant.rule.terms,
            quote.pending_until.get(grant.rule.slug),
        )
        for grant in target.grants
    ]
    return {
        "points": target.points,
        "basis": None if target.basis is None else round_half_up(target.basis),
        "grants": grants,
        "reasons": [tell_reason(code) for code in quote.reasons],
        "pendingUntil": max(quote.pending_until.values(), default=None),
        "tierAfter": quote.tier_after,
    }


def _rules() -> OrderRules:
    return OrderRules.of(current_settings())
