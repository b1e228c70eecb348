"""Rules in words that members understand."""

from collections.abc import Iterable
from datetime import datetime

from babel.numbers import get_currency_precision

from portal.earning.evaluation import Rule
from portal.earning.rules import RuleKind, RuleTerms
from portal.platform.documents import Document
from portal.platform.formatting import format_points, format_worth

_ONCE = {
    RuleKind.ITEM: "{points} for each item",
    RuleKind.ORDER: "{points} for each order",
    RuleKind.FIRST_ORDER: "{points} for your first order",
    RuleKind.SIGN_UP: "{points} for joining",
    RuleKind.BIRTHDAY: "{points} on your birthday",
    RuleKind.EVENT: "{points}",
}


def list_ways(rules: Iterable[Rule], now: datetime, currency: str, locale: str) -> list[Document]:
    """Those of these active rules that hold now, each with its sentence and its figures."""
    return [_way(rule, currency, locale) for rule in rules if rule.terms.is_in_time(now)]


def _way(rule: Rule, currency: str, locale: str) -> Document:
    terms = rule.terms
    figures = {"points": terms.points, "perAmount": terms.per_amount}
    given = {name: figure for name, figure in figures.items() if figure is not None}
    return {"rule": rule.slug, "sentence": _sentence(terms, currency, locale), **given}


def _sentence(terms: RuleTerms, currency: str, locale: str) -> str:
    """The rule as a sentence: its name, and what it brings."""
    if terms.kind is RuleKind.MULTIPLIER:
        return f"{terms.name}: {terms.multiplier} times the points"
    assert terms.points is not None
    points = f"{format_points(terms.points, locale)} point{'' if terms.points == 1 else 's'}"
    if terms.kind is not RuleKind.SPEND:
        return f"{terms.name}: {_ONCE[terms.kind].format(points=points)}"
    assert terms.per_amount is not None
    unit = currency, 10 ** get_currency_precision(currency)
    return f"{terms.name}: {points} for every {format_worth(terms.per_amount, unit, locale)}"
