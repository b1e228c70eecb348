"""Orders in words: why they earn nothing, and what to know about them."""

from portal.earning import REASONS as EARNING_REASONS
from portal.orders.judging.targets import NoPoints

REASONS: dict[str, str] = {
    NoPoints.NOT_PAID: "The order has not been paid yet.",
    NoPoints.NO_MEMBER: "The order belongs to no member yet.",
    NoPoints.TEST_ORDER: "Test orders earn nothing.",
    NoPoints.CANCELLED: "The order was cancelled.",
    NoPoints.MEMBER_SUSPENDED: "The membership is suspended; the order is looked at again when it is active.",
    NoPoints.EXPIRED: "The points would have expired by now.",
    **{reason.value: sentence for reason, sentence in EARNING_REASONS.items()},
}
_WARNINGS = {
    "refund_exceeds_order": "Refund {what} gives back more than the order has left.",
    "unknown_line": "A refund names the line {what}, which the order does not have.",
    "referral_not_converted": "The referral code was not converted: {what}.",
}


def tell_reason(code: str) -> dict[str, str]:
    """A reason as the API shows it: its code, and a sentence."""
    return {"code": code, "sentence": REASONS[code]}


def tell_warning(warning: dict[str, str]) -> dict[str, str]:
    """A warning as the API shows it: its code, and a sentence."""
    return {"code": warning["code"], "sentence": _WARNINGS[warning["code"]].format(what=warning["what"])}
