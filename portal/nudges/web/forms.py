"""The forms of a campaign: how it works, and a test of its message."""

from collections.abc import Iterable
from typing import Any

from wtforms import BooleanField, SelectField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # missing in its stubs
from wtforms.validators import InputRequired, NumberRange, ValidationError

from portal.notifications import ChannelName
from portal.nudges.models import NudgeCampaign
from portal.nudges.web.schemas import MAX_HOURS
from portal.platform.documents import Document
from portal.platform.web.forms import ReasonForm, WholeNumber

PLACES = ("first", "second", "third")
_NEEDED = InputRequired(message="Enter a number.")
_CHANNELS = [SelectChoice("", "None"), *(SelectChoice(channel.value, channel.label) for channel in ChannelName)]


class CampaignForm(ReasonForm):
    """A campaign to change."""

    ttl_hours = WholeNumber(
        "Shown for, hours",
        description="After this a nudge that nobody answered leaves.",
        validators=[_NEEDED, NumberRange(1, MAX_HOURS)],
    )
    frequency_cap_hours = WholeNumber(
        "Hours between messages",
        description="At most one message per member in this time. 0: no such limit.",
        validators=[_NEEDED, NumberRange(0, MAX_HOURS)],
    )
    priority = WholeNumber(
        "Priority", description="0 to 100; what is higher comes first.", validators=[_NEEDED, NumberRange(0, 100)]
    )
    first = SelectField("First channel", choices=_CHANNELS)
    second = SelectField("Second channel", choices=_CHANNELS)
    third = SelectField("Third channel", choices=_CHANNELS)
    active = BooleanField("Active", description="An inactive campaign makes no nudges, and those it made end.")

    def channels(self) -> list[str]:
        """The channels in their order, without the empty places."""
        return [getattr(self, place).data for place in PLACES if getattr(self, place).data]

    def validate_third(self, _field: Any) -> None:
        """Refuse a channel that is chosen twice."""
        if len(set(self.channels())) < len(self.channels()):
            raise ValidationError("Choose each channel once.")

    def changes(self) -> Document:
        """The fields for `put_campaign`."""
        names = ("ttl_hours", "frequency_cap_hours", "priority", "active")
        return {**{name: getattr(self, name).data for name in names}, "channels": self.channels()}


class TrialForm(ReasonForm):
    """By which channel to send a test."""

    channel = SelectField("Channel")

    def offer(self, channels: Iterable[ChannelName]) -> None:
        """Offer the channels by which the operator can be reached."""
        self.channel.choices = [SelectChoice(channel.value, channel.label) for channel in channels]


def form_values(campaign: NudgeCampaign) -> Document:
    """A campaign as its form shows it."""
    names = ("ttl_hours", "frequency_cap_hours", "priority", "active")
    places = dict(zip(PLACES, campaign.channels, strict=False))
    return {**{name: getattr(campaign, name) for name in names}, **places}
