"""Everything that calls an address somebody else chose leaves through here, such as browsers' push services.

What operators set themselves is believed and does not: EMAIL_URL (SMTP), SMS_URL (Apprise), DATABASE_URL, REDIS_URL.
"""

from portal.platform.outbound.client import Answered, Client, NoAnswer, NotReached
from portal.platform.outbound.targets import AddressRefused, Policy, Target, judge

__all__ = ["AddressRefused", "Answered", "Client", "NoAnswer", "NotReached", "Policy", "Target", "judge"]
