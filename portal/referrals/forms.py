"""The form of the referral dashboard."""

from typing import Any

from flask_wtf import FlaskForm
from wtforms import EmailField, HiddenField, RadioField, StringField, TelField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]
from wtforms.validators import DataRequired, Length, Optional, ValidationError

from portal.accounts.addresses import clean_email
from portal.accounts.contact import clean_phone
from portal.core import ids
from portal.referrals.invites import Invitation
from portal.referrals.models import Channel

CHANNELS = [
    SelectChoice(Channel.LINK.value, "A link to share"),
    SelectChoice(Channel.EMAIL.value, "By email"),
    SelectChoice(Channel.SMS.value, "By text message"),
]


def _strip(value: str | None) -> str:
    return (value or "").strip()


def _no_nul(_form: Any, field: Any) -> None:
    if "\x00" in (field.data or ""):
        raise ValidationError("This contains a character that cannot be sent.")


class InviteForm(FlaskForm):  # type: ignore[misc]
    """Whom to invite and how; the key makes a second click on the same form harmless."""

    channel = RadioField("How?", choices=CHANNELS, default=Channel.LINK.value)
    invitee_email = EmailField("Their email address", filters=[_strip], validators=[Length(max=254), _no_nul])
    invitee_phone = TelField("Their phone number, with country code", filters=[_strip], validators=[Length(max=40)])
    invitee_name = StringField(
        "Their name", filters=[_strip], validators=[Optional(), Length(max=120, message="Use a shorter name."), _no_nul]
    )  # fmt: skip
    message = TextAreaField(
        "A word from you", filters=[_strip],
        validators=[Optional(), Length(max=500, message="Use at most 500 characters."), _no_nul],
    )  # fmt: skip
    idempotency_key = HiddenField(
        default=lambda: ids.encode(ids.new_id()), validators=[DataRequired(), Length(max=255)]
    )  # fmt: skip

    def validate_invitee_email(self, field: Any) -> None:
        """Needed, and an address, when the invite goes by email."""
        if self.channel.data != Channel.EMAIL:
            return
        try:
            field.data = clean_email(field.data)
        except ValueError as error:
            raise ValidationError("Enter your friend's email address, like name@example.com.") from error

    def validate_invitee_phone(self, field: Any) -> None:
        """Needed, and international, when the invite goes by SMS."""
        if self.channel.data != Channel.SMS:
            return
        try:
            field.data = clean_phone(field.data)
        except ValueError as error:
            raise ValidationError("Enter your friend's number with its country code, like +49 151 23456789.") from error

    def renew(self) -> "InviteForm":
        """This form with what was typed, ready to be sent again as a new question."""
        self.idempotency_key.data = ids.encode(ids.new_id())
        return self

    def invitation(self, device: str | None) -> Invitation:
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
