"""The forms of the referral dashboard and of the console."""

from collections.abc import Callable
from typing import Any

from wtforms import EmailField, Field, Form, RadioField, StringField, TelField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # missing in its stubs
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional, ValidationError

from portal.accounts import clean_email, clean_phone
from portal.platform.settings import current_settings
from portal.platform.text import without_hidden
from portal.platform.web.forms import OnceForm, ReasonForm, WholeNumber, no_nul, strip
from portal.referrals.invites import Invitation
from portal.referrals.models import Channel
from portal.referrals.outgoing import clean_name, clean_words, takes_texts
from portal.referrals.rules import ReferralRules

CHANNELS = [
    SelectChoice(Channel.LINK.value, "A link to share"),
    SelectChoice(Channel.EMAIL.value, "By email"),
    SelectChoice(Channel.SMS.value, "By text message"),
]


def _user_id(label: str) -> StringField:
    needed = DataRequired(message="Enter a user id.")
    return StringField(label, filters=[strip], validators=[needed, Length(max=64), no_nul])


def _travels(clean: Callable[[str], str]) -> Callable[[Form, Field], None]:
    """A validator for text that is sent to the friend: cleans it, and refuses a web address."""

    def check(_form: Form, field: Field) -> None:
        try:
            field.data = clean(field.data) if field.data else None
        except ValueError as error:
            told = "Leave out web addresses: your invite has its own link. Put a space after each full stop."
            raise ValidationError(told) from error

    return check


class _ForMember(OnceForm):
    user_id = _user_id("Member's user id")


class InviteForm(OnceForm):
    """Whom to invite and how."""

    channel = RadioField("How?", choices=CHANNELS, default=Channel.LINK.value)
    invitee_email = EmailField("Their email address", filters=[strip], validators=[Length(max=254), no_nul])
    invitee_phone = TelField("Their phone number, with country code", filters=[strip], validators=[Length(max=40)])
    invitee_name = StringField(
        "Their name",
        filters=[strip, without_hidden],
        validators=[Optional(), Length(max=120, message="Use a shorter name."), _travels(clean_name)],
    )
    message = TextAreaField(
        "A word from you",
        filters=[strip, without_hidden],
        validators=[Optional(), Length(max=500, message="Use at most 500 characters."), _travels(clean_words)],
    )

    def __init__(self, *arguments: Any, **fields: Any) -> None:
        super().__init__(*arguments, **fields)
        self._countries = ReferralRules.of(current_settings()).sms_countries
        if not self._countries:
            self.channel.choices = [choice for choice in CHANNELS if choice.value != Channel.SMS]
            del self.invitee_phone

    def validate_invitee_email(self, field: Any) -> None:
        """Require a valid address if the invite goes by email."""
        if self.channel.data != Channel.EMAIL:
            return
        try:
            field.data = clean_email(field.data)
        except ValueError as error:
            raise ValidationError("Enter your friend's email address, like name@example.com.") from error

    def validate_invitee_phone(self, field: Any) -> None:
        """Require an international number that gets SMS if the invite goes by SMS."""
        if self.channel.data != Channel.SMS:
            return
        try:
            field.data = clean_phone(field.data)
        except ValueError as error:
            raise ValidationError("Enter your friend's number with its country code, like +49 151 23456789.") from error
        if not takes_texts(field.data, self._countries):
            raise ValidationError("We cannot text this number. Send your invite by email, or share a link.")

    def invitation(self, device: str | None = None) -> Invitation:
        """The invitation that was filled in; what the chosen channel does not use is left out."""
        channel = Channel(self.channel.data)
        reachable = channel is not Channel.LINK
        return Invitation(
            channel,
            email=self.invitee_email.data if channel is Channel.EMAIL else None,
            phone=self.invitee_phone.data if channel is Channel.SMS else None,
            name=self.invitee_name.data or None,
            message=(self.message.data or None) if reachable else None,
            device=device,
        )


class IssueForm(ReasonForm, InviteForm, _ForMember):
    """An invite on a member's behalf."""


class CompletionForm(ReasonForm):
    """Who joined by which code, and their order."""

    code = StringField(
        "Code",
        description="An invite's code, or a member's personal one.",
        filters=[strip],
        validators=[DataRequired(message="Enter a code."), Length(max=64), no_nul],
    )
    referee_user_id = _user_id("Friend's user id")
    order_reference = StringField("Order reference", filters=[strip], validators=[Optional(), Length(max=100), no_nul])


class OrderedCompletionForm(CompletionForm):
    """As `CompletionForm`, if the programme requires a minimum order."""

    order_amount = WholeNumber(
        "Order amount",
        description="In the currency's smallest unit.",
        validators=[InputRequired(message="Enter the amount of the order."), NumberRange(0, 10**12)],
    )
