"""Orders in words: why they earn nothing, and what to know about them."""

from collections.abc import Mapping

from portal.earning import REASONS as EARNING_REASONS
from portal.earning import say_points
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
    "not_claimed": "Whoever confirmed its address could not get the order, which cannot be judged: {what}.",
    "tender_without_redemption": "A part was paid with points of no named redemption: none of them come back.",
    "redemption_not_restored": "The points of {what} do not come back: the member has no such redemption.",
    "referral_not_converted": "The referral code was not converted: {what}.",
}


_TAKES = {
    "pending": "{points} that wait will not become active.",
    "own": "{points} that the order earned are taken back.",
    "expired": "{points} that the order earned have expired already.",
    "others": "{points} are taken from others of the member's, because what the order earned is spent.",
    "owed": "{points} cannot be taken and are settled with the next purchases.",
    "writtenOff": "{points} cannot be taken and are written off.",
}


def tell_refund(takes: Mapping[str, int], restored: int, locale: str, *, falls: bool, ends_referral: bool) -> list[str]:
    """Where points are taken from and what else a refund does, in sentences; one that says so if it does nothing."""
    told = [_TAKES[part].format(points=say_points(points, locale)) for part, points in takes.items() if points]
    if restored:
        told.append(f"{say_points(restored, locale)} that the order was paid with come back.")
    if ends_referral:
        told.append("The referral that the order converted is undone: both sides lose what it brought.")
    if falls:
        told.append("At the end of the day the member falls to a lower tier.")
    return told or ["No points are taken."]


def tell_reason(code: str) -> dict[str, str]:
    """A reason as the API shows it: its code, and a sentence."""
    return {"code": code, "sentence": REASONS[code]}


def tell_warning(warning: dict[str, str]) -> dict[str, str]:
    """A warning as the API shows it: its code, and a sentence."""
    return {"code": warning["code"], "sentence": _WARNINGS[warning["code"]].format(what=warning["what"])}
