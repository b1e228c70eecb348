"""The console of orders: find one, see what it earned and why, release its points, or claim it for a member."""

from functools import partial

from flask import Blueprint, Response, url_for
from werkzeug.wrappers import Response as AnyResponse
from wtforms import StringField
from wtforms.validators import DataRequired, Length

from portal.accounts.web import Access, acting, guarded
from portal.orders import reads
from portal.orders.commands import operating
from portal.orders.problems import OrderNotFound
from portal.orders.rules import OrderRules
from portal.orders.state import load_state
from portal.orders.story import history, nothing
from portal.orders.story import reads as story
from portal.orders.story.judged import judge
from portal.orders.web.schemas import valid_reference
from portal.orders.web.tables import ORDERS
from portal.platform import clock
from portal.platform.console.acts import Question, ask, attempt, done, show, show_table
from portal.platform.db import db
from portal.platform.problems import InvalidInput
from portal.platform.settings import current_settings
from portal.platform.web.forms import ReasonForm, no_nul, strip

bp = Blueprint("orders_console", __name__, url_prefix="/admin/orders")


class ClaimForm(ReasonForm):
    """Whose an order is, and how that is known."""

    user_id = StringField(
        "Member's user id",
        filters=[strip],
        description="Who gets what the order earns. A user who is no member yet becomes one.",
        validators=[DataRequired(message="Say whose order it is."), Length(max=64), no_nul],
    )


@bp.get("")
@guarded(Access.CONSOLE)
def list_orders() -> Response:
    """All orders, the last placed first."""
    return show_table(ORDERS, "console/orders/list.html")


@bp.get("/<reference>")
@guarded(Access.CONSOLE)
def detail(reference: str) -> Response:
    """One order: what the shop said of it, what it earns and why, and how it came to that."""
    head, order, states = _head(reference), reads.get_order(reference), story.list_states(reference)
    told, refunds = load_state(head.content, head.refunds)
    judged = judge(head, told, refunds, frozenset(grant["rule"] for grant in order["grants"]))
    return show(
        "console/orders/detail.html",
        head=head,
        order=order,
        told=told,
        refunds=list(zip(order["refunds"], refunds, strict=True)),
        judged=judged,
        hints=nothing.explain_nothing(head, judged, _rules()),
        waiting=story.list_waiting(head),
        events=history.tell_history(states, story.list_acts(reference)),
        untold=history.count_untold(states),
        entries=story.list_entries(reference),
        programme_currency=current_settings().programme_currency,
        now=clock.now(),
    )


@bp.route("/<reference>/release", methods=["GET", "POST"])
@guarded(Access.CONSOLE)
def release(reference: str) -> AnyResponse:
    """Ask for the reason, then let pending points become active."""
    _head(reference)
    consequence = "They can be spent at once, and count for tiers. What the order earns later is active at once, too."
    question = Question("Release the pending points?", "Release", _page_of(reference), consequence)
    form = ReasonForm()
    if not form.validate_on_submit():
        return ask(form, question)
    act = acting(form.reason.data or "")
    problem = attempt(partial(operating.release_order, db.session(), reference, act, _rules()))
    return ask(form, question, problem) if problem else done("The points are active.", _page_of(reference))


@bp.route("/<reference>/claim", methods=["GET", "POST"])
@guarded(Access.CONSOLE)
def claim(reference: str) -> AnyResponse:
    """Ask whose the order is, then give it to them."""
    _head(reference)
    question = Question(
        "Claim this order for a member?", "Claim", _page_of(reference), "They get what it earns, judged as of now."
    )
    form = ClaimForm()
    if not form.validate_on_submit():
        return ask(form, question)
    whose, act = form.user_id.data or "", acting(form.reason.data or "")
    problem = attempt(partial(operating.claim_order, db.session(), reference, whose, act, _rules()))
    return ask(form, question, problem) if problem else done("The order is claimed.", _page_of(reference))


def _head(reference: str) -> story.HeadRow:
    """The order; what cannot be a reference is none."""
    try:
        return story.get_head(valid_reference(reference))
    except InvalidInput as error:
        raise OrderNotFound from error


def _rules() -> OrderRules:
    return OrderRules.of(current_settings())


def _page_of(reference: str) -> str:
    return url_for("orders_console.detail", reference=reference)
