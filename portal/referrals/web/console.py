"""The console of referrals: find one, understand it, review what looks odd, and act for a member."""

from functools import partial
from uuid import UUID

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal.accounts.web import Access, acting, guarded
from portal.ledger import EarningRules, Shortfall
from portal.platform import clock, ids
from portal.platform.console.acts import Question, ask, attempt, done, show, show_table
from portal.platform.db import db
from portal.platform.settings import current_settings
from portal.platform.web.forms import ReasonForm
from portal.referrals import review
from portal.referrals.converting.completion import complete_referral
from portal.referrals.converting.eligibility import Order
from portal.referrals.converting.fraud_signals import MEANINGS
from portal.referrals.converting.reversal import preview_void, void_referral
from portal.referrals.invites import issue_invite
from portal.referrals.models import ReferralInvite
from portal.referrals.rules import ReferralRules
from portal.referrals.standing import cancel_invite
from portal.referrals.web.forms import CompletionForm, IssueForm, OrderedCompletionForm
from portal.referrals.web.sentences import tell_void
from portal.referrals.web.tables import REFERRALS, SIGNALS

bp = Blueprint("referrals_console", __name__, url_prefix="/admin/referrals")


@bp.get("")
@guarded(Access.CONSOLE)
def search() -> Response:
    """All invites, newest first."""
    return show_table(REFERRALS, "console/referrals/search.html", {"now": clock.now()})


@bp.get("/signals")
@guarded(Access.CONSOLE)
def signals() -> Response:
    """Conversions whose two sides may be one person."""
    return show_table(SIGNALS, "console/referrals/signals.html", meanings=MEANINGS)


@bp.get("/<ulid:referral_id>")
@guarded(Access.CONSOLE)
def detail(referral_id: UUID) -> Response:
    """One referral: who invited whom, how it went, what it brought, and what looks odd."""
    return show(
        "console/referrals/detail.html",
        referral=review.get_referral(referral_id, clock.now()),
        credits=review.list_credits(referral_id),
        same_browser=review.list_same_browser(referral_id),
        meanings=MEANINGS,
        links=_rules().link_base,
    )


@bp.route("/<ulid:referral_id>/cancel", methods=["GET", "POST"])
@guarded(Access.CONSOLE)
def cancel(referral_id: UUID) -> AnyResponse:
    """Ask for the reason, then take the invite back."""
    form, back = ReasonForm(), _page_of(referral_id)
    question = Question("Cancel this invite?", "Cancel the invite", back, "Its code stops working.", danger=True)
    if not form.validate_on_submit():
        review.get_referral(referral_id, clock.now())
        return ask(form, question)
    problem = attempt(partial(cancel_invite, db.session(), referral_id, acting(form.reason.data or "")))
    return ask(form, question, problem) if problem else done("The invite is cancelled.", back)


@bp.route("/<ulid:referral_id>/void", methods=["GET", "POST"])
@guarded(Access.CONSOLE)
def void(referral_id: UUID) -> AnyResponse:
    """Tell what both sides would lose, ask for the reason, then undo the conversion."""
    form, back, settings = ReasonForm(), _page_of(referral_id), current_settings()
    shortfall, earning = Shortfall(settings.refund_shortfall), EarningRules.of(settings)
    review.get_referral(referral_id, clock.now())
    sides = preview_void(db.session(), referral_id, clock.now(), shortfall)
    question = Question("Void this referral?", "Void the referral", back, tell_void(sides), danger=True)
    if not form.validate_on_submit():
        return ask(form, question)
    problem = attempt(
        partial(void_referral, db.session(), referral_id, acting(form.reason.data or ""), shortfall, earning)
    )
    return ask(form, question, problem) if problem else done("The referral is voided.", back)


@bp.route("/<ulid:referral_id>/review", methods=["GET", "POST"])
@guarded(Access.CONSOLE)
def note_review(referral_id: UUID) -> AnyResponse:
    """Ask what was found, then mark the signals as reviewed."""
    form, back = ReasonForm(), _page_of(referral_id)
    form.reason.label.text = "What you found"
    question = Question("Mark as reviewed?", "Mark as reviewed", back, "Points stay as they are.")
    if not form.validate_on_submit():
        review.get_referral(referral_id, clock.now())
        return ask(form, question)
    problem = attempt(partial(review.review_signals, db.session(), referral_id, acting(form.reason.data or "")))
    return ask(form, question, problem) if problem else done("The signals are reviewed.", back)


@bp.route("/complete", methods=["GET", "POST"])
@guarded(Access.CONSOLE)
def complete() -> AnyResponse:
    """Ask who joined by which code, then credit both sides."""
    form_type = OrderedCompletionForm if _rules().minimum_order else CompletionForm
    form, back = form_type(code=request.args.get("code", "")), request.args.get("from", "")
    referral_id = ids.parse(back)
    back = _page_of(referral_id) if referral_id else url_for("referrals_console.search")
    credited = "Who invited and the friend both get their points, once."
    question = Question("Complete a referral", "Complete", back, credited)
    if not form.validate_on_submit():
        return ask(form, question)
    invites: list[ReferralInvite] = []
    problem = attempt(lambda: invites.append(_complete(form)))
    if problem:
        return ask(form, question, problem)
    return done("The referral is completed.", _page_of(invites[0].id))


@bp.route("/issue", methods=["GET", "POST"])
@guarded(Access.CONSOLE)
def issue() -> AnyResponse:
    """Ask whom to invite for which member, then do so without quota and cooldown."""
    form, back = IssueForm(user_id=request.args.get("member", "")), url_for("referrals_console.search")
    free = "It counts among the member's open invites, but neither quota nor cooldown refuses it."
    question = Question("Issue an invite", "Issue", back, free)
    if not form.validate_on_submit():
        return ask(form, question)
    invites: list[ReferralInvite] = []
    problem = attempt(lambda: invites.append(_issue(form)))
    if problem:
        return ask(form, question, problem)
    return done("The invite is issued.", _page_of(invites[0].id))


def _complete(form: CompletionForm) -> ReferralInvite:
    amount = form.order_amount.data if isinstance(form, OrderedCompletionForm) else None
    return complete_referral(
        db.session(),
        form.code.data or "",
        form.referee_user_id.data or "",
        Order(form.order_reference.data or None, amount),
        acting(form.reason.data or ""),
        rules=_rules(),
        earning=EarningRules.of(current_settings()),
    ).invite


def _issue(form: IssueForm) -> ReferralInvite:
    return issue_invite(
        db.session(), form.user_id.data or "", form.invitation(), acting(form.reason.data or ""), rules=_rules()
    )


def _rules() -> ReferralRules:
    return ReferralRules.of(current_settings())


def _page_of(referral_id: UUID) -> str:
    return url_for("referrals_console.detail", referral_id=referral_id)
