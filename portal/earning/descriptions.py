"""Rules in words for operators: when and for whom each holds, and what one version changed against another."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from portal.earning.rules import RuleKind, RuleTerms
from portal.earning.sentences import say_money
from portal.platform.clock import parse_moment
from portal.platform.documents import Document
from portal.platform.formatting import MINUS, format_exact, format_points

KINDS: Mapping[RuleKind, str] = {
    RuleKind.SPEND: "Spend",
    RuleKind.ITEM: "Item",
    RuleKind.ORDER: "Order",
    RuleKind.FIRST_ORDER: "First order",
    RuleKind.MULTIPLIER: "Multiplier",
    RuleKind.EVENT: "Event",
    RuleKind.SIGN_UP: "Sign-up",
    RuleKind.BIRTHDAY: "Birthday",
}
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
STEPS = {"proportional": "in proportion", "whole": "for each full amount"}
ON_PARTIAL_REFUND = {"recompute": "compute again from what is left", "keep_until_zero": "keep until nothing is left"}
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Style:
    """How times and money of a programme are written."""

    zone: ZoneInfo
    currency: str
    locale: str


def describe_scope(terms: RuleTerms, style: Style) -> str:
    """When, for whom and for what a rule holds, in short: "Saturday, Sunday; tier gold; categories tea, cups"."""
    return "; ".join(_conditions(terms, style)) or "Always, for everybody"


def _conditions(terms: RuleTerms, style: Style) -> Iterator[str]:
    if terms.kind is RuleKind.EVENT:
        yield f"event {terms.event_type}"
    for word, moment in (("from", terms.from_), ("until", terms.until)):
        if moment:
            yield f"{word} {format_exact(moment, style.zone)}"
    if terms.weekdays:
        yield ", ".join(WEEKDAYS[day - 1] for day in sorted(terms.weekdays))
    named = (
        ("tier", "tiers", terms.tiers),
        ("not tier", "not tiers", terms.not_tiers),
        ("product", "products", terms.products),
        ("SKU", "SKUs", terms.skus),
        ("category", "categories", terms.categories),
        ("not product", "not products", terms.exclude_products),
        ("not SKU", "not SKUs", terms.exclude_skus),
        ("not category", "not categories", terms.exclude_categories),
        ("channel", "channels", terms.channels),
        ("currency", "currencies", terms.currencies),
    )
    for one, many, codes in named:
        if codes:
            yield f"{one if len(codes) == 1 else many} {_some(codes)}"
    if terms.exclude_discounted:
        yield "nothing that is discounted"
    if terms.minimum_basis:
        yield f"from {say_money(terms.minimum_basis, style.currency, style.locale)}"


def _some(codes: Iterable[str]) -> str:
    first = sorted(codes)
    more = f" and {len(first) - _NAMED} more" if len(first) > _NAMED else ""
    return ", ".join(first[:_NAMED]) + more


def describe_changes(before: Document | None, after: Document, style: Style) -> str:
    """What a version of a rule changed against the one before it; None: there was none."""
    if before is None:
        return "The first version."
    said = [_change(field, field.get(before), field.get(after), style) for field in _FIELDS]
    return " ".join(filter(None, said)) or "The same, written in another way."


@dataclass(frozen=True, slots=True)
class _Field:
    """A field of a rule's document: where it stands, its label, and what it is when left out.

    `say` writes its value, or each of its values; `nothing` stands for null.
    """

    path: tuple[str, ...]
    label: str
    default: object = None
    say: Callable[[Any, Style], str] = lambda value, _: str(value)
    nothing: str = "–"

    def get(self, document: Document) -> object:
        """Its value in a rule's document."""
        found: Any = document
        for key in self.path:
            found = (found or {}).get(key, self.default if key == self.path[-1] else None)
        return found


def _change(field: _Field, before: object, after: object, style: Style) -> str:
    if before == after:
        return ""
    if isinstance(before, list) and isinstance(after, list):
        added = [f"+ {field.say(each, style)}" for each in after if each not in before]
        taken = [f"{MINUS} {field.say(each, style)}" for each in before if each not in after]
        return f"{field.label}: {', '.join(added + taken)}."
    old, new = (field.nothing if value is None else field.say(value, style) for value in (before, after))
    return f"{field.label}: {old} → {new}."


def _one_of(words: Mapping[Any, str], value: object, _style: Style) -> str:
    return words[value]


def _money(amount: int, style: Style) -> str:
    return say_money(amount, style.currency, style.locale)


def _number(number: int, style: Style) -> str:
    return format_points(number, style.locale)


def _moment(value: str, style: Style) -> str:
    moment: datetime = parse_moment(value)
    return format_exact(moment, style.zone)


def _member_limit(limit: Document, style: Style) -> str:
    most = f"{_number(limit['points'], style)} points" if limit.get("points") else f"{limit['times']} times"
    return most + (" ever" if limit["window"] == "ever" else f" a {limit['window']}")


_BOTH = partial(_one_of, {True: "yes", False: "no"})
_BY_PROGRAMME = "as the programme says"
_FIELDS = (
    _Field(("active",), "Active", True, _BOTH),
    _Field(("name",), "Name"),
    _Field(("kind",), "Kind", None, partial(_one_of, KINDS)),
    _Field(("points",), "Points", None, _number),
    _Field(("perAmount",), "For every", None, _money),
    _Field(("step",), "Counted", "proportional", partial(_one_of, STEPS)),
    _Field(("multiplier",), "Times"),
    _Field(("stacks",), "On top of other multipliers", False, _BOTH),
    _Field(("eventType",), "Event"),
    _Field(("from",), "From", None, _moment),
    _Field(("until",), "Until", None, _moment),
    _Field(("weekdays",), "Weekdays", [], lambda day, _: WEEKDAYS[day - 1]),
    *(
        _Field((name,), label, [])
        for name, label in {
            "tiers": "Tiers",
            "notTiers": "Not tiers",
            "products": "Products",
            "skus": "SKUs",
            "categories": "Categories",
            "excludeProducts": "Not products",
            "excludeSkus": "Not SKUs",
            "excludeCategories": "Not categories",
            "channels": "Channels",
            "currencies": "Currencies",
        }.items()
    ),
    _Field(("excludeDiscounted",), "Not what is discounted", False, _BOTH),
    _Field(("minimumBasis",), "From", 0, _money),
    _Field(("limits", "perOrder"), "Most for an order", None, _number),
    _Field(("limits", "perMember"), "Most for a member", None, _member_limit),
    _Field(("limits", "programme"), "Most in all", None, _number),
    _Field(("priority",), "Priority", 0),
    _Field(("pendingDays",), "Days to wait", nothing=_BY_PROGRAMME),
    _Field(("expiryMonths",), "Months to expiry", _BY_PROGRAMME, nothing="never"),
    _Field(("qualifies", "tier"), "Counts towards tiers", True, _BOTH),
    _Field(("qualifies", "streak"), "Counts towards the streak", True, _BOTH),
    _Field(("onPartialRefund",), "On a partial refund", None, partial(_one_of, ON_PARTIAL_REFUND), "as usual"),
)
