"""The form of the preferences page."""

from datetime import time
from typing import Any
from zoneinfo import available_timezones

from babel.dates import get_month_names
from wtforms import BooleanField, Field, SelectField, TelField, TimeField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # missing in the stubs
from wtforms.validators import Length, Optional, ValidationError

from portal.accounts import ANY_HOUR, Preferences, clean_birthday, clean_phone
from portal.notifications.kinds import CHOICES
from portal.platform.formatting import DEFAULT_LOCALE
from portal.platform.web.forms import PortalForm, TickBoxes

ZONES = [
    "UTC",
    *sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith(("Etc/", "posix", "right"))),
]
DAYS = [SelectChoice(f"{day:02}", str(day)) for day in range(1, 32)]
MONTHS = [SelectChoice(f"{month:02}", name) for month, name in get_month_names(locale=DEFAULT_LOCALE).items()]


class PreferencesForm(PortalForm):
    """What a member lets us send, where and when, and their birthday."""

    marketing_messages = BooleanField("Send me news about my rewards")
    kinds = TickBoxes("About", choices=[SelectChoice(kind.name, kind.label) for kind in CHOICES])
    email = BooleanField("Email")
    sms = BooleanField("Text message")
    push = BooleanField("Notification on this device")
    phone_number = TelField("Phone number", validators=[Optional(), Length(max=32)])
    timezone = SelectField("Time zone", validators=[Optional()])
    any_hour = BooleanField("Send me messages at any hour")
    quiet_from = TimeField("Nothing after", validators=[Optional()])
    quiet_until = TimeField("and before", validators=[Optional()])
    birthday_day = SelectField("Day", choices=[SelectChoice("", "Not given"), *DAYS], validators=[Optional()])
    birthday_month = SelectField("Month", choices=[SelectChoice("", "Not given"), *MONTHS], validators=[Optional()])

    def __init__(self, programme_zone: str, kept_zone: str | None = None, **options: Any) -> None:
        super().__init__(**options)
        zones = ZONES if not kept_zone or kept_zone in ZONES else [kept_zone, *ZONES]
        self.timezone.choices = [
            SelectChoice("", f"As the programme ({programme_zone})"),
            *(SelectChoice(zone, zone.replace("_", " ")) for zone in zones),
        ]

    def validate_phone_number(self, field: Field) -> None:
        """Bring the number into E.164.

        :raises ValidationError: if it is not a phone number.
        """
        try:
            field.data = clean_phone(field.data)
        except ValueError as error:
            raise ValidationError(f"The number {error}, such as +14155552671.") from error

    def validate_quiet_until(self, field: Field) -> None:
        """Refuse quiet hours that lack one end.

        :raises ValidationError: if exactly one is given, or both are the same.
        """
        self._both(self.quiet_from.data, field.data)

    def validate_quiet_from(self, field: Field) -> None:
        """As `validate_quiet_until`, for the other end."""
        self._both(field.data, self.quiet_until.data)

    def _both(self, begin: time | None, end: time | None) -> None:
        if self.any_hour.data:
            return
        if (begin is None) != (end is None):
            raise ValidationError("Quiet hours need a beginning and an end.")
        if begin is not None and begin == end:
            raise ValidationError("Quiet hours cannot end when they begin.")

    def validate_birthday_day(self, field: Field) -> None:
        """Refuse a day without a month.

        :raises ValidationError: if only the day is given.
        """
        if not self.birthday_month.data:
            raise ValidationError("A birthday needs a month too.")

    def validate_birthday_month(self, field: Field) -> None:
        """Refuse a month without a day, and a day that the month does not have.

        :raises ValidationError: if only the month is given, or there is no such day.
        """
        if not self.birthday_day.data:
            raise ValidationError("A birthday needs a day too.")
        try:
            clean_birthday(f"{field.data}-{self.birthday_day.data}")
        except ValueError as error:
            raise ValidationError("This month has no such day.") from error

    def birthday(self) -> str | None:
        """The birthday (`MM-DD`) that the form contains, if any."""
        return f"{self.birthday_month.data}-{self.birthday_day.data}" if self.birthday_day.data else None

    def preferences(self) -> Preferences:
        """The preferences that the form contains."""
        quiet = ANY_HOUR if self.any_hour.data else (self.quiet_from.data, self.quiet_until.data)
        return Preferences(
            self.marketing_messages.data, self.email.data, self.sms.data, self.push.data, tuple(self.muted()), *quiet
        )

    def muted(self) -> list[str]:
        """The kinds that the member does not want."""
        return [kind.name for kind in CHOICES if kind.name not in (self.kinds.data or [])]


def values_of(
    preferences: Preferences, phone_number: str | None, timezone: str | None, birthday: str | None
) -> dict[str, object]:
    """The form's values for a user."""
    month, _, day = (birthday or "").partition("-")
    quiet = (preferences.quiet_from, preferences.quiet_until)
    quiet_from, quiet_until = (None, None) if preferences.any_hour else quiet
    return {
        "marketing_messages": preferences.marketing_messages,
        "email": preferences.email,
        "sms": preferences.sms,
        "push": preferences.push,
        "phone_number": phone_number or "",
        "timezone": timezone or "",
        "kinds": [kind.name for kind in CHOICES if kind.name not in preferences.muted_kinds],
        "any_hour": preferences.any_hour,
        "quiet_from": quiet_from,
        "quiet_until": quiet_until,
        "birthday_day": day,
        "birthday_month": month,
    }
