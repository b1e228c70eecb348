"""The console of the suppression list: addresses that must not be written to, stored only as hashes."""

from functools import partial

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as AnyResponse
from wtforms import RadioField, StringField
from wtforms.validators import DataRequired, Length, ValidationError

from portal.accounts import clean_email
from portal.accounts.web import Access, acting, guarded
from portal.notifications import suppressions
from portal.notifications.suppressions import SUPPRESSED_CHANNELS, hash_address
from portal.notifications.web.tables import SUPPRESSED
from portal.platform import audit, clock
from portal.platform.console.acts import Question, ask, attempt, done, show, show_table
from portal.platform.db import db
from portal.platform.problems import NotFound
from portal.platform.web.forms import ReasonForm, no_nul, strip

bp = Blueprint("suppressions_console", __name__, url_prefix="/admin/messages/suppressions")

OPERATOR = "operator"
MIN_DIGITS = 7


class SuppressionForm(ReasonForm):
    """An address whose owner asked an operator for no more messages."""

    channel = RadioField("Channel", choices=[("email", "Email"), ("sms", "SMS")], default="email")
    address = StringField(
        "Email address or phone number",
        filters=[strip],
        validators=[DataRequired(message="Say which address."), Length(max=254), no_nul],
    )

    def validate_address(self, field: StringField) -> None:
        """Refuse a value that cannot be an address of the channel."""
        if self.channel.data == "sms":
            if sum(character.isdigit() for character in field.data or "") < MIN_DIGITS:
                raise ValidationError("This is no phone number.")
            return
        try:
            clean_email(field.data or "")
        except ValueError as error:
            raise ValidationError("Enter an email address, like name@example.com.") from error


@bp.get("")
@guarded(Access.CONSOLE)
def suppressed() -> Response:
    """The list; searching finds an address whatever its spelling."""
    address = request.args.get("address", "")
    values = {f"as_{channel}": hash_address(channel, address).hex() for channel in SUPPRESSED_CHANNELS}
    return show_table(SUPPRESSED, "console/messages/suppressions.html", values)


@bp.route("/add", methods=["GET", "POST"])
@guarded(Access.CONSOLE)
def add() -> AnyResponse:
    """Ask for the address and the reason, then suppress messages to it."""
    form, back = SuppressionForm(), url_for("suppressions_console.suppressed")
    if not form.validate_on_submit():
        return show("console/messages/suppress.html", 422 if form.is_submitted() else 200, form=form, back=back)
    channel, address = form.channel.data, form.address.data or ""
    suppressions.suppress(db.session(), channel, address, reason=OPERATOR, now=clock.now())
    audit.record(
        db.session(),
        acting(form.reason.data or ""),
        action="suppression.add",
        object_type="suppression",
        object_id=f"{channel}:{hash_address(channel, address).hex()}",
        after={"channel": channel},
    )
    return done("Nothing more is sent to this address.", back)


@bp.route("/<channel>/<address_hash>/remove", methods=["GET", "POST"])
@guarded(Access.CONSOLE)
def remove(channel: str, address_hash: str) -> AnyResponse:
    """Ask for the reason, then let messages reach an address again."""
    form, back = ReasonForm(), url_for("suppressions_console.suppressed")
    question = Question(
        "Write to this address again?",
        "Remove from the list",
        back,
        "Only do this when the person has asked for it: they had asked for no more messages.",
        danger=True,
    )
    if not form.validate_on_submit():
        return ask(form, question)
    problem = attempt(partial(_lift, channel, address_hash, form.reason.data or ""))
    return ask(form, question, problem) if problem else done("The address is off the list.", back)


def _lift(channel: str, address_hash: str, reason: str) -> None:
    try:
        key = bytes.fromhex(address_hash)
    except ValueError as error:
        raise NotFound from error
    lifted = suppressions.lift(db.session(), channel, key)
    audit.record(
        db.session(),
        acting(reason),
        action="suppression.remove",
        object_type="suppression",
        object_id=f"{channel}:{address_hash}",
        before={"channel": channel, "reason": lifted},
    )
