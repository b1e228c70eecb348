"""What the portal itself reads in a tier's benefits: by how much a tier multiplies what its members' orders earn."""

import re
from collections.abc import Iterable
from fractions import Fraction

from portal.platform.documents import Document

EARN_MULTIPLIER = "earn_multiplier"
_NUMBER = re.compile(r"[0-9]{1,3}(\.[0-9]{1,4})?")


def read_factor(value: object) -> Fraction | None:
    """The factor that the value of such a benefit names (`"1.5"`, 1.5 or 2), exactly; None if it is none above 0."""
    text = str(value)
    if isinstance(value, bool) or not _NUMBER.fullmatch(text):
        return None
    return Fraction(text) or None


def read_earn_multiplier(benefits: Iterable[Document]) -> Fraction | None:
    """What these benefits multiply a member's points by, the best of them; None: none does (CONTRACT-EARNING 8.3)."""
    values = (benefit.get("value") for benefit in benefits if benefit["kind"] == EARN_MULTIPLIER)
    factors = (read_factor(value) for value in values)
    return max((factor for factor in factors if factor is not None), default=None)
