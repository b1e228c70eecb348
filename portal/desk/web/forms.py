"""Forms of operators' acts on a member."""

from datetime import datetime
from typing import Any

from wtforms import BooleanField, DateField, RadioField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # missing in its stubs
from wtforms.validators import InputRequired, Length, NumberRange, Optional, ValidationError

from portal.ledger import EarningRules
from portal.platform import clock
from portal.platform.clock import YEARS, end_of_day
from portal.platform.documents import MAX_POINTS
from portal.platform.formatting import grouped
from portal.platform.settings import current_settings
from portal.platform.web.forms import ReasonForm, WholeNumber, no_nul, strip

BY_RULE, BY_DATE, NEVER = "rule", "date", "never"


class AdjustForm(ReasonForm):
    """Points to add or deduct, and when added ones expire."""

    points = WholeNumber(
        "Points",
        description="For example 500 to add or -500 to deduct.",
        render_kw={"inputmode": "text"},
        validators=[
            InputRequired(message="Say how many points."),
            NumberRange(-MAX_POINTS, MAX_POINTS, message="That is more than can be adjusted at once."),
        ],
    )
    expiry = RadioField(
        "Added points expire",
        default=BY_RULE,
        choices=[
            SelectChoice(BY_RULE, "As the programme says"),
            SelectChoice(BY_DATE, "On a date"),
            SelectChoice(NEVER, "Never"),
        ],
    )
    expires_on = DateField(
        "Date",
        description="They live until the end of this day where the programme is.",
        validators=[Optional()],
        render_kw={"type": "date"},
    )
    description = StringField(
        "What the member reads",
        filters=[strip],
        default="Adjusted by the shop",
        description="Stands in their history.",
        validators=[InputRequired(message="Say what the member reads."), Length(max=200), no_nul],
    )
    note = TextAreaField(
        "Note for operators",
        filters=[strip],
        description="Stands in their points on this console. No member ever reads it.",
        validators=[Length(max=500, message="Use at most 500 characters."), no_nul],
    )
    outside_tiers = BooleanField("Added points do not count towards tiers")

    def validate_points(self, field: Any) -> None:
        """Refuse 0 points."""
        if field.data == 0:
            raise ValidationError("Nothing would change: give a number above or below 0.")

    def validate_expiry(self, field: Any) -> None:
        """Refuse a date that is missing, not in the future, or too far away."""
        if field.data != BY_DATE:
            return
        day = self.expires_on.data
        today = clock.now().astimezone(current_settings().programme_timezone).date()
        if day is None or day <= today:
            raise ValidationError("Choose a date in the future.")
        if day.year not in YEARS:
            raise ValidationError("Choose an earlier date, or never.")

    def expires_at(self, now: datetime, rules: EarningRules) -> datetime | None:
        """When added points expire; None: never."""
        day = self.expires_on.data
        if self.expiry.data == BY_DATE and day is not None:
            return end_of_day(day, rules.zone)
        return None if self.expiry.data == NEVER else rules.expiry(now)


class WriteOffForm(ReasonForm):
    """How many of the points a member owes are given up; `owed` is how many there are."""

    owed = 0
    points = WholeNumber(
        "Points", description="Fewer leave the rest owed.", validators=[InputRequired(message="Say how many points.")]
    )

    def validate_points(self, field: Any) -> None:
        """Refuse none, and more than is owed."""
        if not 1 <= field.data <= self.owed:
            raise ValidationError(f"Give a number from 1 to {grouped(self.owed)}: so many points are owed.")
