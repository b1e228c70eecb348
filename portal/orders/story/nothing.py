"""Why an order earns nothing, and what would change that, for operators."""

from collections.abc import Mapping

from portal.earning import EXCLUDED, Reason
from portal.orders.judging.targets import NoPoints
from portal.orders.rules import OrderRules
from portal.orders.story.judged import Judged
from portal.orders.story.reads import HeadRow
from portal.platform.clock import now
from portal.platform.formatting import format_date_in, format_money, reader_locale, reader_zone

_BY_RULE = "What each rule lacked stands below."
_HINTS: Mapping[str, str] = {
    NoPoints.NOT_PAID: "It earns once the shop tells it as {status}.",
    NoPoints.TEST_ORDER: "Whatever it contains counts for nothing.",
    NoPoints.CANCELLED: "Whatever it had granted was taken back.",
    NoPoints.MEMBER_SUSPENDED: "Once the membership is reactivated, it is judged.",
    NoPoints.EXPIRED: "It came in as history, and points of its age would not be valid any more.",
    Reason.CURRENCY_NOT_CONVERTED: "The programme counts in {currency}: once the shop tells the order with its "
    "exchangeRate, it is judged again.",
    Reason.BELOW_MINIMUM: _BY_RULE,
    Reason.LIMIT_REACHED: _BY_RULE,
    Reason.NO_RULE: _BY_RULE,
}


def explain_nothing(head: HeadRow, judged: Judged | None, rules: OrderRules) -> list[str]:
    """What to know about each reason for which the order earns nothing, and how it could earn."""
    return [_hint(code, head, judged, rules) for code in head.reasons]


def _hint(code: str, head: HeadRow, judged: Judged | None, rules: OrderRules) -> str:
    if code == NoPoints.NO_MEMBER:
        return _unclaimed(head, rules)
    if code == Reason.NOTHING_ELIGIBLE:
        return _not_eligible(judged, rules)
    return _HINTS[code].format(status=rules.earn_status.value, currency=rules.terms.currency)


def _unclaimed(head: HeadRow, rules: OrderRules) -> str:
    if not head.awaited:
        return "The shop named nobody. Claim it for a member by hand, or let the shop tell it with a userId."
    end = head.received_at + rules.claim
    day = format_date_in(end, now(), reader_zone())
    if end <= now():
        return f"Nobody confirmed its address until {day}: only by hand can it still be claimed."
    return f"Who confirms the address that the shop named until {day} gets it. You can claim it for a member by hand."


def _not_eligible(judged: Judged | None, rules: OrderRules) -> str:
    if judged is None or not judged.excluded:
        return (judged.outside if judged else "") or "It has no products, or they cost nothing."
    parts = [
        f"{EXCLUDED.get(what, what)} ({format_money(amount, rules.terms.currency, reader_locale())})"
        for what, amount in judged.excluded.items()
    ]
    return f"What it has does not count: {', '.join(parts)}."
