"""Rules in words that members understand."""

from collections.abc import Container, Iterable
from datetime import datetime
from fractions import Fraction
from math import floor

from portal.earning.evaluation import Rule
from portal.earning.rules import RuleKind, RuleTerms
from portal.platform.documents import Document
from portal.platform.formatting import format_money, format_points

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


def list_ways_of(
    rules: Iterable[Rule], tier: str | None, now: datetime, currency: str, locale: str, *, had: Container[RuleKind]
) -> list[tuple[RuleKind, str, str]]:
    """Those that hold now for a member of this tier: kind, name, and what each brings, in words.

    What a member can get once, and has `had`, is left out.
    """
    return [
        (rule.terms.kind, rule.terms.name, say_what_it_brings(rule.terms, currency, locale))
        for rule in rules
        if rule.terms.is_in_time(now) and rule.terms.is_for_tier(tier) and rule.terms.kind not in had
    ]


def _way(rule: Rule, currency: str, locale: str) -> Document:
    terms = rule.terms
    figures = {"points": terms.points, "perAmount": terms.per_amount}
    given = {name: figure for name, figure in figures.items() if figure is not None}
    return {"rule": rule.slug, "sentence": f"{terms.name}: {say_what_it_brings(terms, currency, locale)}", **given}


def say_what_it_brings(terms: RuleTerms, currency: str, locale: str) -> str:
    """What a rule brings, in words: "2 points for every €1.00"."""
    if terms.kind is RuleKind.MULTIPLIER:
        return f"{terms.multiplier} times the points"
    assert terms.points is not None
    points = say_points(terms.points, locale)
    if terms.kind is not RuleKind.SPEND:
        return _ONCE[terms.kind].format(points=points)
    assert terms.per_amount is not None
    return f"{points} for every {say_money(terms.per_amount, currency, locale)}"


def say_points(points: int, locale: str) -> str:
    """A number of points: "1 point", "1,200 points"."""
    return f"{format_points(points, locale)} point{'' if points == 1 else 's'}"


def say_money(amount: int | Fraction, currency: str, locale: str) -> str:
    """An amount in the smallest unit of this currency, rounded half up: "€32.40"."""
    return format_money(floor(amount + Fraction(1, 2)), currency, locale)
