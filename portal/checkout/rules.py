"""The programme's rules for checkouts, as values that services are given."""

from dataclasses import dataclass
from datetime import timedelta

from portal.config import Settings
from portal.redemptions.rules import HoldRules


@dataclass(frozen=True, slots=True)
class CheckoutRules:
    """How long an intent waits, the rules of what it reserves, where links of its cards lead, and how many open invites
    leave no friend to tell."""

    ttl: timedelta
    holds: HoldRules
    base_url: str
    max_invites: int

    @classmethod
    def of(cls, settings: Settings) -> "CheckoutRules":
        """The rules of these settings."""
        return cls(
            ttl=timedelta(hours=settings.checkout_intent_ttl_hours),
            holds=HoldRules.of(settings),
            base_url=settings.base_url,
            max_invites=settings.referral_member_max_active_invites,
        )
