"""Ledger endpoints."""

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response

from portal.accounts.web import Access, acting, current, current_user_id, guarded, proves_token
from portal.ledger import reads
from portal.ledger.adjustments import adjust_points
from portal.ledger.explanation import get_explained_entry
from portal.ledger.reads import serialize_entry
from portal.ledger.reversing import Shortfall, reverse_entry
from portal.ledger.rules import EarningRules
from portal.ledger.web.schemas import (
    AdjustmentInput,
    ExplainedEntry,
    LedgerEntry,
    LedgerPage,
    LedgerQuery,
    ReversalInput,
)
from portal.platform.db import db
from portal.platform.problems import InvalidInput
from portal.platform.settings import current_settings
from portal.platform.web.languages import in_readers_language
from portal.platform.web.responses import json
from portal.tiers import enrol

bp = APIBlueprint("ledger_api", __name__, url_prefix="/api/v1/loyalty", tag="Ledger")


@bp.get("/ledger")
@guarded(Access.MEMBER)
@proves_token
@bp.input(LedgerQuery, location="query", arg_name="query")
@bp.output(LedgerPage)
def list_ledger(query: LedgerQuery) -> Response:
    """List the member's ledger entries, newest first."""
    return json(reads.list_entries(current_user_id(), types=query.types, limit=query.limit, cursor=query.cursor))


@bp.get("/ledger/<ulid:entry_id>")
@guarded(Access.MEMBER_OR_ADMIN)
@in_readers_language
@bp.output(ExplainedEntry)
def show_entry(entry_id: UUID) -> Response:
    """Explain a ledger entry: in a sentence, with the rule, the amounts and the lots behind it."""
    principal = current()
    return json(get_explained_entry(entry_id, None if principal.runs_programme else principal.user_id))


@bp.post("/ledger/<ulid:entry_id>/reversal")
@guarded(Access.ADMIN)
@bp.input(ReversalInput, location="json", arg_name="body")
@bp.output(LedgerEntry, status_code=201)
def reverse(entry_id: UUID, body: ReversalInput) -> Response:
    """Take a credit back by hand, in whole or in parts: an adjustment, or a bonus. Orders and referrals are not."""
    settings = current_settings()
    entry = reverse_entry(
        db.session(),
        entry_id,
        body.points,
        acting(body.reason),
        shortfall=body.shortfall or Shortfall(settings.refund_shortfall),
        rules=EarningRules.of(settings),
    )
    return json(serialize_entry(entry), 201)


@bp.post("/members/<user_id>/adjustments")
@guarded(Access.ADMIN)
@bp.input(AdjustmentInput, location="json", arg_name="body")
@bp.output(LedgerEntry, status_code=201)
def adjust(user_id: str, body: AdjustmentInput) -> Response:
    """Adjust a member's points by hand."""
    act, rules = acting(body.reason), EarningRules.of(current_settings())
    if body.expires_at is not None and body.expires_at <= act.now:
        raise InvalidInput(("expiresAt", "must be in the future"))
    expires_at = body.expires_at if "expires_at" in body.model_fields_set else rules.expiry(act.now)
    member = enrol(db.session(), user_id)
    posted = adjust_points(
        db.session(),
        member.id,
        body.points,
        act,
        rules=rules,
        expires_at=expires_at,
        metadata=body.metadata,
        note=body.note or "",
        counts_towards_tiers=body.counts_towards_tiers,
    )
    return json(serialize_entry(posted.entries[0]), 201)
