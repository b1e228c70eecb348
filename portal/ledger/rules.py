"""The programme's rules for earned points, passed to services as values, and the credits that follow them."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from portal.config import Settings
from portal.ledger.models import EntryType
from portal.ledger.posting import Posting
from portal.platform.clock import computed_expiry, week_of
from portal.platform.documents import Document


@dataclass(frozen=True, slots=True)
class EarningRules:
    """How long points live and in which time zone days and weeks end."""

    zone: ZoneInfo
    expire_after_months: int

    @classmethod
    def of(cls, settings: Settings) -> "EarningRules":
        """The rules that these settings define."""
        return cls(settings.programme_timezone, settings.points_expire_after_months)

    def expiry(self, earned_at: datetime) -> datetime | None:
        """When points earned at `earned_at` expire; None: never (CONTRACT rule 5)."""
        return computed_expiry(earned_at, self.expire_after_months, self.zone)

    def expiry_after(self, earned_at: datetime, months: int) -> datetime | None:
        """When points that live so many months (0: for ever) expire."""
        return computed_expiry(earned_at, months, self.zone)

    def week(self, earned_at: datetime) -> date:
        """The Monday of the week that contains `earned_at` (CONTRACT rule 20)."""
        return week_of(earned_at, self.zone)


def credit(
    member_id: UUID,
    points: int,
    entry_type: EntryType,
    *,
    source: str,
    external_id: str,
    rules: EarningRules,
    at: datetime,
    effect: str = "credit",
    metadata: Document | None = None,
) -> Posting:
    """A posting of earned points: they expire by the programme's rule and qualify the week for a streak.

    A streak bonus does not qualify a week (CONTRACT rule 20).
    """
    week = None if entry_type is EntryType.STREAK_BONUS else rules.week(at)
    return Posting(
        member_id,
        points,
        entry_type,
        source,
        external_id,
        effect,
        at,
        metadata or {},
        expires_at=rules.expiry(at),
        week=week,
    )
