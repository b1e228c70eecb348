"""Why a rule has granted this many points, in a sentence that a member understands (CONTRACT-EARNING 8.6)."""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

from babel.numbers import get_currency_precision

from portal.earning.evaluation import Cap, Evaluation, Grant
from portal.earning.rules import RuleKind, RuleTerms
from portal.platform.documents import Document
from portal.platform.formatting import format_points, format_worth

_EARNS_NOTHING = {
    "tax": "tax",
    "shipping": "shipping",
    "fee": "fees",
    "tip": "tips",
    "gift_card": "gift cards",
    "points_part": "what was paid with points",
    "gift_card_part": "what was paid by gift card",
}
_CAPPED = {
    Cap.ORDER: "the most that one order brings",
    Cap.MEMBER: "as your limit for it is reached",
    Cap.PROGRAMME: "as the limit for everybody is reached",
}
_ONCE = {
    RuleKind.ORDER: "for this order",
    RuleKind.FIRST_ORDER: "for your first order",
    RuleKind.SIGN_UP: "for joining",
    RuleKind.BIRTHDAY: "on your birthday",
}


def facts_of(grant: Grant, evaluation: Evaluation, tier_multiplier: Fraction | None = None, tier: str = "") -> Document:
    """What the explanation of a grant is made of: numbers, exact ones as fractions, and codes.

    `tier` is the name of the member's tier, kept when its multiplier was used.
    """
    excluded = evaluation.basis.excluded if evaluation.basis else {}
    facts: Document = {
        "points": grant.points,
        "basis": str(grant.basis),
        "excluded": {what: str(amount) for what, amount in excluded.items()},
        "multipliers": [str(factor) for factor in sorted(grant.multipliers)],
        "units": sum(each.line.quantity for each in evaluation.basis.lines if each.line.id in grant.lines)
        if evaluation.basis
        else 0,
    }
    if grant.cap:
        facts["cap"] = grant.cap
    if tier and tier_multiplier in grant.multipliers:
        facts["tier"] = tier
    return facts


def tell_grant(terms: RuleTerms, facts: Document, currency: str, locale: str) -> str:
    """The sentence: "48 points: 1 for every €1.00 of €32.40, times 1.5 because you are Gold; tax earns nothing"."""
    points = f"{_points(facts['points'], locale)}"
    if terms.kind is RuleKind.SPEND:
        said = f"{points}: {_spent(terms, facts, currency, locale)}"
    elif terms.kind is RuleKind.ITEM:
        units = int(facts.get("units", 0))
        said = f"{points}: {_points(terms.points or 0, locale)} for each of {format_points(units, locale)} items"
        said = said.replace("each of 1 items", "one item")
    else:
        said = f"{points} {_ONCE.get(terms.kind, f'for “{terms.name}”')}"
    if "cap" in facts:
        said += f", {_CAPPED[Cap(facts['cap'])]}"
    if nothing := _excluded(facts.get("excluded", {})) if terms.kind is RuleKind.SPEND else "":
        said += f"; {nothing}"
    return f"{said}."


def round_half_up(amount: Fraction) -> int:
    """An exact amount as it is shown."""
    return int(amount + Fraction(1, 2))


def _points(points: int, locale: str) -> str:
    return f"{format_points(points, locale)} point{'' if points == 1 else 's'}"


def _spent(terms: RuleTerms, facts: Document, currency: str, locale: str) -> str:
    assert terms.points is not None
    assert terms.per_amount is not None
    unit = currency, 10 ** get_currency_precision(currency)
    basis = format_worth(round_half_up(Fraction(facts["basis"])), unit, locale)
    each = f"{format_points(terms.points, locale)} for every {'full ' if terms.step == 'whole' else ''}"
    said = f"{each}{format_worth(terms.per_amount, unit, locale)} of {basis}"
    factors = [factor for factor in facts.get("multipliers", []) if Fraction(factor) != 1]
    if factors:
        said += f", times {' or '.join(in_decimals(factor) for factor in factors)}"
        said += f" because you are {facts['tier']}" if "tier" in facts and len(factors) == 1 else ""
    return said


def in_decimals(factor: str) -> str:
    """A stored factor as people write it: "1.5"."""
    exact = Fraction(factor)
    return format((Decimal(exact.numerator) / exact.denominator).normalize(), "f")


def _excluded(excluded: Mapping[str, str]) -> str:
    """What earned nothing: "shipping and tax earn nothing"."""
    found = [_EARNS_NOTHING.get(what, what) for what in excluded]
    if not found:
        return ""
    plural = len(found) > 1 or found[0].endswith("s")
    return f"{', '.join(found[:-1])}{' and ' if found[1:] else ''}{found[-1]} earn{'' if plural else 's'} nothing"
