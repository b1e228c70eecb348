"""The console of redemptions: the queue, and what operators decide about each request."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal.accounts.web import Access, acting, guarded
from portal.platform import clock, ids
from portal.platform.console.acts import Question, ask, attempt, done, show, show_instead, show_table
from portal.platform.db import db
from portal.platform.formatting import format_date_in, grouped, reader_zone
from portal.platform.problems import NotFound
from portal.platform.settings import current_settings
from portal.platform.web.forms import ReasonForm
from portal.redemptions import lifecycle, reads
from portal.redemptions.models import RedemptionStatus
from portal.redemptions.refunds import RestoreRules, plan_part, refund_redemption
from portal.redemptions.web.tables import REDEMPTIONS

bp = Blueprint("redemptions_console", __name__, url_prefix="/admin/redemptions")

STALE_AFTER = timedelta(days=3)
MAX_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Verb:
    """A decision about a request: its button, its question, what it does to points, its past tense."""

    label: str
    act: str
    consequence: str
    past: str
    status: RedemptionStatus

    @property
    def danger(self) -> bool:
        """Whether the member does not get what they asked for."""
        return self.status is not RedemptionStatus.FULFILLED


GIVEN_BACK = "The held points and the item are given back."
VERBS = {
    "fulfil": Verb("Fulfil", "Fulfil {}", "The held points are debited.", "fulfilled", RedemptionStatus.FULFILLED),
    "cancel": Verb("Cancel", "Cancel {}", GIVEN_BACK, "cancelled", RedemptionStatus.CANCELLED),
    "fail": Verb("Mark as failed", "Mark {} as failed", GIVEN_BACK, "marked as failed", RedemptionStatus.FAILED),
}


@bp.get("")
@guarded(Access.CONSOLE)
def queue() -> Response:
    """All redemptions, newest first; filters narrow them to open requests."""
    values = {"stale_before": clock.now() - STALE_AFTER}
    return show_table(REDEMPTIONS, "console/redemptions/queue.html", values, verbs=VERBS)


@bp.get("/<ulid:redemption_id>")
@guarded(Access.CONSOLE)
def detail(redemption_id: UUID) -> Response:
    """One redemption: its life, its member, its ledger entry."""
    row = reads.get_console_row(redemption_id)
    return show("console/redemptions/detail.html", redemption=row, verbs=VERBS)


@bp.route("/<ulid:redemption_id>/<any(fulfil, cancel, fail):verb>", methods=["GET", "POST"])
@guarded(Access.CONSOLE)
def decide(redemption_id: UUID, verb: str) -> AnyResponse:
    """Ask for the reason, then decide about one request."""
    back = url_for("redemptions_console.detail", redemption_id=redemption_id)
    form, act = ReasonForm(), VERBS[verb]
    question = _question(act, "this request", back)
    if not form.validate_on_submit():
        reads.get_console_row(redemption_id)
        return ask(form, question)
    problem = attempt(partial(_decide, redemption_id, act, form.reason.data or ""))
    return ask(form, question, problem) if problem else done(f"The request is {act.past}.", back)


@bp.route("/<ulid:redemption_id>/refund", methods=["GET", "POST"])
@guarded(Access.CONSOLE)
def refund(redemption_id: UUID) -> AnyResponse:
    """Say what would come back and until when, ask for the reason, then refund what was fulfilled."""
    back = url_for("redemptions_console.detail", redemption_id=redemption_id)
    form, row, rules = ReasonForm(), reads.get_console_row(redemption_id), RestoreRules.of(current_settings())
    question = Question("Refund this request?", "Refund", back, _tell_refund(row, rules), danger=True)
    if not form.validate_on_submit():
        return ask(form, question)
    act = acting(form.reason.data or "")
    problem = attempt(partial(refund_redemption, db.session(), redemption_id, act, rules))
    return ask(form, question, problem) if problem else done("The request is refunded.", back)


@bp.route("/bulk/<any(fulfil, cancel, fail):verb>", methods=["GET", "POST"])
@guarded(Access.CONSOLE)
def decide_many(verb: str) -> AnyResponse:
    """Ask once, then decide about many requests; each result is reported, and a refusal does not stop the others."""
    form, act = ReasonForm(), VERBS[verb]
    chosen = sorted({_parse(value) for value in request.args.getlist("ids")[:MAX_AT_ONCE]})
    back = _queue_as_it_was(request.args.get("here"))
    if not chosen:
        return done("Choose at least one request.", back, "error")
    if not form.validate_on_submit():
        many = f"{len(chosen)} request{'s' if len(chosen) > 1 else ''}"
        return ask(form, _question(act, many, back))
    lifecycle.lock_owners(db.session(), chosen)
    reason = form.reason.data or ""
    outcomes = [(key, attempt(partial(_decide, key, act, reason))) for key in chosen]
    return show_instead("console/redemptions/report.html", outcomes=outcomes, verb=act, back=back)


def _queue_as_it_was(query: str | None) -> str:
    """The URL of the queue with the filter, order and page of `query`; without a query, of the open requests."""
    if query is None:
        return url_for("redemptions_console.queue", status=RedemptionStatus.REQUESTED.value)
    return f"{url_for('redemptions_console.queue')}?{urlencode(parse_qsl(query))}"


def _question(verb: Verb, what: str, back: str) -> Question:
    act = verb.act.format(what)
    return Question(f"{act}?", act, back, verb.consequence, verb.danger)


def _tell_refund(row: reads.ConsoleRow, rules: RestoreRules) -> str:
    """What a refund would do to the balance, and until when the points would live; empty if there is none."""
    missing = row.points - row.restored
    if row.status != RedemptionStatus.FULFILLED:
        return ""
    plan = plan_part(db.session(), row, missing, clock.now(), rules)
    parts = [f"{grouped(each.points)} {_life(each.expires_at)}" for each in plan]
    also = f" {grouped(row.restored)} of {grouped(row.points)} are back already." if row.restored else ""
    item = " and the item returns to stock" if row.reward_slug else ""
    return (
        f"The balance goes from {grouped(row.balance)} to {grouped(row.balance + missing)}{item}: "
        f"{', '.join(parts)}.{also} They count for no tier."
    )


def _life(expires_at: datetime | None) -> str:
    return f"until {format_date_in(expires_at, clock.now(), reader_zone())}" if expires_at else "for ever"


def _decide(redemption_id: UUID, verb: Verb, reason: str) -> None:
    session, act = db.session(), acting(reason)
    if verb.status is RedemptionStatus.FULFILLED:
        lifecycle.fulfill_redemption(session, redemption_id, act)
    else:
        lifecycle.release_redemption(session, redemption_id, verb.status, act)


def _parse(redemption_id: str) -> UUID:
    parsed = ids.parse(redemption_id)
    if parsed is None:
        raise NotFound
    return parsed
