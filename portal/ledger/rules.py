"""The programme's rules for earned points, as values that services are given."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from portal.config import Settings
from portal.platform.clock import computed_expiry, week_of


@dataclass(frozen=True, slots=True)
class EarningRules:
    """How long points live and in which time zone days and weeks end."""

    zone: ZoneInfo
    expire_after_months: int

    @classmethod
    def of(cls, settings: Settings) -> "EarningRules":
        """The rules of these settings."""
        return cls(settings.timezone, settings.points_expire_after_months)

    def expiry(self, earned_at: datetime) -> datetime | None:
        """When points earned then expire; None: never (CONTRACT rule 5)."""
        return computed_expiry(earned_at, self.expire_after_months, self.zone)

    def week(self, earned_at: datetime) -> date:
        """The Monday of the week in which they were earned (CONTRACT rule 20)."""
        return week_of(earned_at, self.zone)
