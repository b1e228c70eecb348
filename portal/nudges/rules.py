"""The programme's rules for nudges, passed to services as values."""

from dataclasses import dataclass
from datetime import time, timedelta
from zoneinfo import ZoneInfo

from portal.config import Settings
from portal.platform.settings import current_settings


@dataclass(frozen=True, slots=True)
class NudgeRules:
    """What makes a nudge due, how many are sent in a day, and the locale, time zone and links of their texts.

    A member with `max_invites` open invites is not reminded to invite a friend.
    """

    expiring_window: timedelta
    stalled_after: timedelta
    daily_cap: int
    max_invites: int
    zone: ZoneInfo
    quiet_hours: tuple[time, time] | None
    locale: str
    base_url: str

    @classmethod
    def of(cls, settings: Settings) -> "NudgeRules":
        """The rules that these settings define."""
        return cls(
            expiring_window=timedelta(days=settings.nudge_expiring_window_days),
            stalled_after=timedelta(hours=settings.nudge_stalled_after_hours),
            daily_cap=settings.nudge_daily_cap,
            max_invites=settings.referral_member_max_active_invites,
            zone=settings.programme_timezone,
            quiet_hours=settings.quiet_hours,
            locale=settings.programme_locale,
            base_url=settings.base_url,
        )

    @classmethod
    def current(cls) -> "NudgeRules":
        """The rules of the running application."""
        return cls.of(current_settings())
