"""All requests to addresses that somebody else chose, such as browsers' push services, go through this package.

Those that operators set are trusted and do not: EMAIL_URL (SMTP), SMS_URL (Apprise), DATABASE_URL, REDIS_URL.
"""

from portal.platform.outbound.client import Answered, Client, NoAnswer, NotReached
from portal.platform.outbound.targets import AddressRefused, Policy, Target, judge

__all__ = ["AddressRefused", "Answered", "Client", "NoAnswer", "NotReached", "Policy", "Target", "judge"]
