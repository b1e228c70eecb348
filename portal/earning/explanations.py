"""Why a number of points is what it is: every code of an evaluation as a sentence (CONTRACT-EARNING 8.6).

Facts are stored; sentences are made when read. Members read those of reasons and grants, operators also why rules lose.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

from portal.earning.evaluation import Cap, Evaluation, Grant, Lost, Reason
from portal.earning.rules import OCCASIONS, RuleKind, RuleTerms
from portal.earning.sentences import say_money, say_points
from portal.platform.documents import Document
from portal.platform.formatting import format_points

REASONS: Mapping[Reason, str] = {
    Reason.CURRENCY_NOT_CONVERTED: "Orders in this currency earn no points.",
    Reason.NOTHING_ELIGIBLE: "Nothing in this order earns points.",
    Reason.LIMIT_REACHED: "You have earned the most points that you can get for this.",
    Reason.BELOW_MINIMUM: "This order is too small to earn points.",
    Reason.NO_RULE: "There are no points for orders like this one right now.",
}
LOST: Mapping[Lost, str] = {
    Lost.INACTIVE: "It is paused.",
    Lost.NOT_NOW: "The order's date is outside its time.",
    Lost.WEEKDAY: "It is not for this day of the week.",
    Lost.TIER: "It is not for members of this tier.",
    Lost.CHANNEL: "It is not for this channel.",
    Lost.CURRENCY: "It is not for this currency.",
    Lost.NO_LINE: "No line is one that it pays for.",
    Lost.BELOW_MINIMUM: "The lines that it pays for are below its minimum.",
    Lost.OTHER_RULE: "Another rule names these lines more exactly, or goes before it.",
    Lost.TOO_SMALL: "The lines that it pays for are worth less than one point.",
    Lost.USED_UP: "Nothing is left under its limits.",
}
_LOST_OF_KIND: Mapping[tuple[RuleKind, Lost], str] = {
    (RuleKind.MULTIPLIER, Lost.OTHER_RULE): "A better multiplier counts, or there are no points to multiply.",
    (RuleKind.EVENT, Lost.NOT_NOW): "It happened outside the time of this rule.",
    (RuleKind.EVENT, Lost.CHANNEL): "It is only for orders of some channels.",
    (RuleKind.EVENT, Lost.CURRENCY): "It is only for orders in some currencies.",
    (RuleKind.FIRST_ORDER, Lost.USED_UP): "This is not the member's first order, or nothing is left under its limits.",
}
_ONCE: Mapping[RuleKind, str] = {
    RuleKind.ORDER: "the order",
    RuleKind.FIRST_ORDER: "your first order",
    RuleKind.SIGN_UP: "joining",
    RuleKind.BIRTHDAY: "your birthday",
}
CAPS: Mapping[Cap, str] = {
    Cap.ORDER: "the most for one order",
    Cap.MEMBER: "the most for you in this time",
    Cap.PROGRAMME: "all that was left of this offer",
}
EXCLUDED: Mapping[str, str] = {
    "tax": "Tax",
    "shipping": "Shipping",
    "fee": "Fees",
    "tip": "Tips",
    "gift_card": "Gift cards that are bought",
    "points_part": "What is paid with points",
    "gift_card_part": "What is paid by gift card",
}
_MANY = frozenset({"fee", "tip", "gift_card"})


def explain_lost(kind: RuleKind, lost: Lost) -> str:
    """Why a rule of this kind pays nothing for a cart, or for what happened, as a sentence."""
    return _LOST_OF_KIND.get((kind, lost), LOST[lost])


def facts_of(grant: Grant, evaluation: Evaluation, tier_multiplier: Fraction | None = None, tier: str = "") -> Document:
    """What the explanation of a grant is made of: numbers, exact ones as fractions, and codes.

    `tier` is the name of the member's tier, kept where its multiplier was used.
    """
    facts = _facts(grant)
    excluded = evaluation.basis.excluded if evaluation.basis else {}
    facts["excluded"] = {what: str(amount) for what, amount in excluded.items()}
    if tier and tier_multiplier in grant.multipliers:
        facts["tier"] = tier
    return facts


def tell_grant(terms: RuleTerms, facts: Document, currency: str, locale: str) -> str:
    """The sentence: "48 points: 1 for every €1.00 of €32.40, times 1.5 because you are Gold; tax earns nothing"."""
    excluded = facts.get("excluded", ()) if terms.kind is RuleKind.SPEND else ()
    nothing = [what for what in EXCLUDED if what in excluded]
    return f"{_say(terms, facts, currency, locale)}{f'; {_earn_nothing(nothing)}' if nothing else ''}."


def explain_grant(grant: Grant, currency: str, locale: str) -> str:
    """Where a grant's points come from: "48 points: 1 for every €1.00 of €32.40, times 1.5"."""
    return _say(grant.rule.terms, _facts(grant), currency, locale)


def in_decimals(factor: str | Fraction) -> str:
    """A factor as people write it: "1.5"."""
    exact = Fraction(factor)
    return format((Decimal(exact.numerator) / exact.denominator).normalize(), "f")


def round_half_up(amount: Fraction) -> int:
    """An exact amount as it is shown."""
    return int(amount + Fraction(1, 2))


def _facts(grant: Grant) -> Document:
    terms = grant.rule.terms
    facts: Document = {
        "points": grant.points,
        "basis": str(grant.basis),
        "multipliers": [str(factor) for factor in sorted(grant.multipliers)],
    }
    if grant.cap:
        facts["cap"] = grant.cap
    if terms.kind is RuleKind.ITEM and terms.points:
        facts["units"] = int(grant.exact / terms.points)
    return facts


def _say(terms: RuleTerms, facts: Document, currency: str, locale: str) -> str:
    points, source = say_points(facts["points"], locale), _source(terms, facts, currency, locale)
    if "cap" in facts:
        return f"{points}: {source}, cut to {_capped(terms.kind, Cap(facts['cap']))}"
    if terms.kind in (RuleKind.SPEND, RuleKind.ITEM):
        return f"{points}: {source}"
    return f"{points} for {_ONCE.get(terms.kind, f'“{terms.name}”')}"


def _capped(kind: RuleKind, cap: Cap) -> str:
    return "the most at once" if cap is Cap.ORDER and kind in OCCASIONS else CAPS[cap]


def _source(terms: RuleTerms, facts: Document, currency: str, locale: str) -> str:
    assert terms.points is not None
    each = format_points(terms.points, locale)
    if terms.kind is RuleKind.ITEM:
        units = facts["units"]
        return f"{each} for {'the item' if units == 1 else f'each of {format_points(units, locale)} items'}"
    if terms.kind is not RuleKind.SPEND:
        return f"{each} for {_ONCE.get(terms.kind, f'“{terms.name}”')}"
    assert terms.per_amount is not None
    full = "full " if terms.step == "whole" else ""
    amount = say_money(terms.per_amount, currency, locale)
    basis = say_money(Fraction(facts["basis"]), currency, locale)
    why = f" because you are {facts['tier']}" if "tier" in facts and len(facts["multipliers"]) == 1 else ""
    return f"{each} for every {full}{amount} of {basis}{_times(facts['multipliers'])}{why}"


def _times(factors: Sequence[str]) -> str:
    """The factors of a grant's lines: all had the same, or some had another."""
    if set(factors) <= {"1"}:
        return ""
    numbers = [in_decimals(factor) for factor in factors]
    if len(numbers) == 1:
        return f", times {numbers[0]}"
    return f", times {', '.join(numbers[:-1])} or {numbers[-1]} by line"


def _earn_nothing(found: Sequence[str]) -> str:
    """What did not count: "shipping and tax earn nothing"."""
    names = [EXCLUDED[what][0].lower() + EXCLUDED[what][1:] for what in found]
    listed = f"{', '.join(names[:-1])} and {names[-1]}" if names[1:] else names[0]
    return f"{listed} earn{'' if names[1:] or found[0] in _MANY else 's'} nothing"
