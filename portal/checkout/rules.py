"""The programme's rules for checkouts, as values that services are given."""

from dataclasses import dataclass
from datetime import timedelta

from portal.config import Settings
from portal.redemptions.rules import HoldRules


@dataclass(frozen=True, slots=True)
class CheckoutRules:
    """How long an intent waits, the rules of what it reserves, and where links of its cards lead."""

    ttl: timedelta
    holds: HoldRules
    base_url: str

    @classmethod
    def of(cls, settings: Settings) -> "CheckoutRules":
        """The rules of these settings."""
        return cls(timedelta(hours=settings.checkout_intent_ttl_hours), HoldRules.of(settings), settings.base_url)
