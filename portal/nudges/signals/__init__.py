"""What calls for a nudge (CONTRACT rule 15). A further signal is a module here and its line in `SIGNALS`."""

from portal.nudges.signals import checkout_reminder, expiring_points, referral_share, stalled_redemption
from portal.nudges.signals.base import Facts, Reader, Signal, Words

__all__ = ["SIGNALS", "Facts", "Reader", "Signal", "Words"]

SIGNALS: dict[str, Signal] = {
    module.SIGNAL.name: module.SIGNAL
    for module in (expiring_points, stalled_redemption, checkout_reminder, referral_share)
}
