"""The programme's rules for redemptions, as values that services are given."""

from dataclasses import dataclass
from datetime import timedelta

from portal.config import Settings


@dataclass(frozen=True, slots=True)
class HoldRules:
    """How long a hold may stay open."""

    ttl: timedelta

    @classmethod
    def of(cls, settings: Settings) -> "HoldRules":
        """The rules of these settings."""
        return cls(timedelta(hours=settings.redemption_hold_ttl_hours))
