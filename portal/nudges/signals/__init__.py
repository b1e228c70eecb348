"""The signals that cause nudges (CONTRACT rule 15). To add one, write a module here and add it to `SIGNALS`."""

from portal.nudges.signals import checkout_reminder, expiring_points, referral_share, stalled_redemption
from portal.nudges.signals.base import Facts, Reader, Signal, Words

__all__ = ["SIGNALS", "Facts", "Reader", "Signal", "Words"]

SIGNALS: dict[str, Signal] = {
    module.SIGNAL.name: module.SIGNAL
    for module in (expiring_points, stalled_redemption, checkout_reminder, referral_share)
}
