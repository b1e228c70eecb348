"""The programme's rules for orders, passed to the domain as a value."""

from dataclasses import dataclass
from datetime import timedelta

from portal import ledger
from portal.config import Settings
from portal.earning import Terms
from portal.orders.state import REACHED, OrderStatus
from portal.redemptions import RestoreRules
from portal.referrals import ReferralRules


@dataclass(frozen=True, slots=True)
class OrderRules:
    """From when orders earn, what counts, when it becomes active, and how long an unclaimed order waits for its owner.

    `key` makes the hash of the address of an order that nobody has claimed.
    """

    points: ledger.EarningRules
    terms: Terms
    referrals: ReferralRules
    earn_status: OrderStatus
    pending_days: int
    pending_from: OrderStatus
    pending_max_days: int
    claim: timedelta
    shortfall: ledger.Shortfall
    restoring: RestoreRules
    unearn: timedelta
    convert_by_order: bool
    key: bytes

    @classmethod
    def of(cls, settings: Settings) -> "OrderRules":
        """The rules that these settings define."""
        return cls(
            ledger.EarningRules.of(settings),
            Terms.of(settings),
            ReferralRules.of(settings),
            OrderStatus(settings.earn_status),
            settings.pending_days,
            OrderStatus(settings.pending_from),
            settings.pending_max_days,
            timedelta(days=settings.order_claim_days),
            ledger.Shortfall(settings.refund_shortfall),
            RestoreRules.of(settings),
            timedelta(days=settings.tier_unearn_days),
            settings.referral_convert_by_order,
            settings.secret_key.encode(),
        )

    def earns(self, status: OrderStatus) -> bool:
        """Whether an order of this status earns."""
        return REACHED[status] >= REACHED[self.earn_status]
