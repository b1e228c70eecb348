"""Between the form of a rule and its document: what an operator leaves alone stays exactly as it was written.

Documents say more than forms can: what is left out differs from a default that is written, times have fractions of a
second and an hour that is there twice. So a form changes those places of a document whose typed value differs from the
one it was filled with, and no others.
"""

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from portal.earning.rules import RuleKind, RuleTerms
from portal.platform.documents import Document

Path = tuple[str, ...]
Values = Mapping[str, Any]
# Stands for null in a document, where leaving the field out means something else.
_NULL: Final = object()
_TEXTS = {"name": "name", "multiplier": "multiplier", "event_type": "eventType"}
_NUMBERS: Mapping[str, Path] = {
    "points": ("points",),
    "per_amount": ("perAmount",),
    "per_order": ("limits", "perOrder"),
    "programme": ("limits", "programme"),
    "pending_days": ("pendingDays",),
}
_LISTS = {
    "tiers": "tiers",
    "not_tiers": "notTiers",
    "products": "products",
    "skus": "skus",
    "categories": "categories",
    "exclude_products": "excludeProducts",
    "exclude_skus": "excludeSkus",
    "exclude_categories": "excludeCategories",
    "channels": "channels",
    "currencies": "currencies",
}
_UNLESS_NOTHING = {
    "stacks": "stacks",
    "exclude_discounted": "excludeDiscounted",
    "minimum_basis": "minimumBasis",
    "priority": "priority",
}
_UNLESS = (("step", "step", "proportional"), ("on_partial_refund", "onPartialRefund", "usual"))
_SPEND, _MULTIPLIER = frozenset({RuleKind.SPEND}), frozenset({RuleKind.MULTIPLIER})
ORDERS = frozenset({RuleKind.SPEND, RuleKind.ITEM, RuleKind.ORDER, RuleKind.FIRST_ORDER, RuleKind.MULTIPLIER})
_GRANTING = frozenset(RuleKind) - _MULTIPLIER
# The kinds that use a field, for fields that not all use.
USED_BY: Mapping[str, frozenset[RuleKind]] = {
    "points": _GRANTING,
    "perAmount": _SPEND,
    "step": _SPEND,
    "priority": _SPEND,
    "multiplier": _MULTIPLIER,
    "stacks": _MULTIPLIER,
    "eventType": frozenset({RuleKind.EVENT}),
    **dict.fromkeys(("products", "skus", "categories"), ORDERS),
    **dict.fromkeys(("excludeProducts", "excludeSkus", "excludeCategories", "excludeDiscounted"), ORDERS),
    **dict.fromkeys(("minimumBasis", "channels", "currencies"), ORDERS),
    **dict.fromkeys(("limits", "pendingDays", "expiryMonths", "qualifies"), _GRANTING),
    "onPartialRefund": ORDERS - _MULTIPLIER,
}


def kinds_of(field: str) -> str:
    """The kinds that use this field of a document, by their names."""
    return " ".join(sorted(USED_BY.get(field, RuleKind)))


def form_values(document: Document, zone: ZoneInfo) -> dict[str, object]:
    """A rule's document as its form shows it, with times in `zone`; of an empty one, an empty form."""
    if not document:
        return {}
    terms = RuleTerms.model_validate(document)
    limit = terms.limits.per_member
    expiry = "months" if terms.expiry_months else "never" if "expiry_months" in terms.model_fields_set else "programme"
    alike = ("name", "points", "per_amount", "multiplier", "stacks", "event_type", "exclude_discounted", "pending_days")
    return {
        **{name: getattr(terms, name) for name in (*alike, *_LISTS, "expiry_months")},
        "kind": terms.kind.value,
        "step": terms.step,
        "minimum_basis": terms.minimum_basis or None,
        "priority": terms.priority or None,
        "from_": _in_zone(terms.from_, zone),
        "until": _in_zone(terms.until, zone),
        "weekdays": [str(day) for day in sorted(terms.weekdays)],
        "per_order": terms.limits.per_order,
        "programme": terms.limits.programme,
        "member_most": (limit.points or limit.times) if limit else None,
        "member_measure": "times" if limit and limit.times else "points",
        "member_window": limit.window if limit else "day",
        "expiry": expiry,
        "qualifies_tier": terms.qualifies.tier,
        "qualifies_streak": terms.qualifies.streak,
        "on_partial_refund": terms.on_partial_refund or "usual",
    }


def document_of(typed: Values, before: Document, zone: ZoneInfo) -> Document:
    """The document of what was typed into a form that was filled with `before` (of a new rule, with nothing).

    A rule that becomes one of another kind loses what that kind does not use.
    """
    document, shown = deepcopy(before), dict(_written(form_values(before, zone), zone))
    for path, value in _written(typed, zone):
        if value != shown.get(path):
            _put(document, path, value)
    if document.get("kind") != before.get("kind"):
        for field, kinds in USED_BY.items():
            if document.get("kind") not in kinds:
                document.pop(field, None)
    return document


def _written(values: Values, zone: ZoneInfo) -> Iterator[tuple[Path, object]]:
    """Each place of a document with what these values say there, None for leaving it out."""
    get = values.get
    yield ("kind",), get("kind")
    yield ("active",), None if get("active", True) else False
    for name, key in _TEXTS.items():
        yield (key,), _one_line(get(name) or "") or None
    for name, path in _NUMBERS.items():
        yield path, get(name)
    for name, key in _LISTS.items():
        yield (key,), sorted({code.strip() for code in get(name) or ()}) or None
    for name, key in _UNLESS_NOTHING.items():
        yield (key,), get(name) or None
    for name, key, default in _UNLESS:
        yield (key,), None if get(name, default) == default else get(name)
    for name, key in (("from_", "from"), ("until", "until")):
        yield (key,), _in_utc(get(name), zone)
    yield ("weekdays",), sorted(int(day) for day in get("weekdays") or ()) or None
    yield ("limits", "perMember"), _member_limit(get)
    months = get("expiry_months")
    yield ("expiryMonths",), {"never": _NULL, "months": months}.get(get("expiry", "programme"))
    for name in ("tier", "streak"):
        yield ("qualifies", name), None if get(f"qualifies_{name}", True) else False


def _member_limit(get: Callable[[str], Any]) -> Document | None:
    if get("member_most") is None:
        return None
    return {str(get("member_measure")): get("member_most"), "window": get("member_window")}


def _one_line(text: str) -> str:
    """The text as a browser sends it back from a field of one line."""
    return text.replace("\r", "").replace("\n", "").strip()


def _in_utc(local: datetime | None, zone: ZoneInfo) -> str | None:
    return local.replace(tzinfo=zone).astimezone(UTC).isoformat() if local else None


def _in_zone(moment: datetime | None, zone: ZoneInfo) -> datetime | None:
    return moment.astimezone(zone).replace(tzinfo=None, microsecond=0) if moment else None


def _put(document: Document, path: Path, value: object) -> None:
    """Set a place of the document, or take it out if the value is None, and what is empty then along with it."""
    *above, last = path
    inside = document
    for key in above:
        inside = inside.setdefault(key, {})
    if value is None:
        inside.pop(last, None)
    else:
        inside[last] = None if value is _NULL else value
    for key in above:
        if not document[key]:
            del document[key]
