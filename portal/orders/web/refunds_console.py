"""The console of refunds whose orders have not come: what to do about them, and the way to forget one."""

from functools import partial

from flask import Blueprint, Response, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal.accounts.web import Access, acting, guarded
from portal.orders.commands import operating
from portal.orders.problems import OrderNotFound
from portal.orders.unmatched import is_unmatched
from portal.orders.web.tables import UNMATCHED
from portal.platform.console.acts import Question, ask, attempt, done, show_table
from portal.platform.db import db
from portal.platform.web.forms import ReasonForm

bp = Blueprint("unmatched_console", __name__, url_prefix="/admin/unmatched-refunds")


@bp.get("")
@guarded(Access.CONSOLE)
def list_unmatched() -> Response:
    """The refunds that wait for their orders, those first that have waited longest."""
    return show_table(UNMATCHED, "console/orders/unmatched.html")


@bp.route("/<reference>/<refund_id>/forget", methods=["GET", "POST"])
@guarded(Access.CONSOLE)
def forget(reference: str, refund_id: str) -> AnyResponse:
    """Ask for the reason, then forget a refund whose order will not come."""
    if not is_unmatched(reference, refund_id):
        raise OrderNotFound
    back = url_for(".list_unmatched")
    consequence = f"If order {reference} comes after all, refund {refund_id} takes nothing from what it earns."
    question = Question("Forget this refund?", "Forget", back, consequence)
    form = ReasonForm()
    if not form.validate_on_submit():
        return ask(form, question)
    act = acting(form.reason.data or "")
    problem = attempt(partial(operating.forget_refund, db.session(), reference, refund_id, act))
    return ask(form, question, problem) if problem else done("The refund is forgotten.", back)
