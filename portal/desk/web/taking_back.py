"""Operators take a credit of a member back: they see what that does, say how much and why, and it is done."""

from functools import partial
from uuid import UUID

from flask import Blueprint, url_for
from werkzeug.wrappers import Response as AnyResponse
from wtforms import StringField
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange

from portal import ledger
from portal.accounts.web import Access, acting, guarded
from portal.ledger import Preview, Shortfall
from portal.platform.console.acts import Question, ask, attempt, done
from portal.platform.db import db
from portal.platform.documents import MAX_POINTS
from portal.platform.formatting import grouped
from portal.platform.settings import current_settings
from portal.platform.web.forms import ReasonForm, WholeNumber, no_nul, strip

bp = Blueprint("taking_back", __name__, url_prefix="/admin/members")


class TakeBackForm(ReasonForm):
    """How many points of a credit are taken back, and what the member reads."""

    points = WholeNumber(
        "Points",
        validators=[
            InputRequired(message="Say how many points."),
            NumberRange(1, MAX_POINTS, message="Give a number above 0."),
        ],
    )
    description = StringField(
        "What the member reads",
        filters=[strip],
        default="Corrected by the shop",
        description="Stands in their history.",
        validators=[DataRequired(message="Say what the member reads."), Length(max=200), no_nul],
    )


@bp.route("/<user_id>/ledger/<ulid:entry_id>/take-back", methods=["GET", "POST"])
@guarded(Access.CONSOLE)
def take_back(user_id: str, entry_id: UUID) -> AnyResponse:
    """Say what taking a credit back would do, ask how much and why, then take it back."""
    back = url_for("members_console.show_ledger", user_id=user_id)
    act, shortfall = acting(), Shortfall(current_settings().refund_shortfall)
    preview = ledger.preview_reversal(db.session(), entry_id, user_id, shortfall, act.now)
    form = TakeBackForm(points=preview.points or None)
    question = Question("Take these points back?", "Take back", back, tell_preview(preview), danger=True)
    if not form.validate_on_submit():
        return ask(form, question)
    problem = attempt(partial(_take_back, entry_id, form, shortfall))
    return ask(form, question, problem) if problem else done("The points are taken back.", back)


def tell_preview(preview: Preview) -> str:
    """What taking back all that is left would do, in sentences."""
    if not preview.points:
        return "All of it was taken back already."
    before = preview.before
    said = f"Balance {grouped(before.balance)} → {grouped(preview.balance)}"
    earned = f"points for tiers {grouped(before.lifetime_earned)} → {grouped(preview.lifetime_earned)}"
    also = [
        f"{grouped(preview.expired)} of them have expired already." if preview.expired else "",
        f"They will owe {grouped(preview.owed)}." if preview.owed > before.owed else "",
        _tell_tier(preview),
    ]
    return " ".join([f"All {grouped(preview.points)} that are left: {said}, {earned}.", *filter(None, also)])


def _tell_tier(preview: Preview) -> str:
    before = preview.before
    if before.threshold is None or preview.lifetime_earned >= before.threshold:
        return f"They stay {before.tier}." if before.tier else ""
    return f"That is less than the {grouped(before.threshold)} that {before.tier} takes."


def _take_back(entry_id: UUID, form: TakeBackForm, shortfall: Shortfall) -> None:
    ledger.reverse_entry(
        db.session(),
        entry_id,
        form.points.data,
        acting(form.reason.data or ""),
        shortfall=shortfall,
        rules=ledger.EarningRules.of(current_settings()),
        description=form.description.data or "",
    )
