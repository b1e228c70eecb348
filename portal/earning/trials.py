"""What a cart would earn by some rules, told to operators: who pays what, and why the others do not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from portal.earning.basis import Terms
from portal.earning.cart import Cart
from portal.earning.descriptions import Style
from portal.earning.evaluation import Evaluation, Facts, Room, Rule, evaluate
from portal.earning.explanations import EXCLUDED, REASONS, explain_grant, explain_lost
from portal.earning.rules import RuleKind
from portal.earning.sentences import say_money, say_what_it_brings


@dataclass(frozen=True, slots=True)
class Verdict:
    """A rule with a sentence about it."""

    rule: Rule
    sentence: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a cart earns; `counts` and `excluded` are amounts in words, `reason` says why it earns nothing."""

    points: int
    reason: str
    counts: str
    excluded: tuple[tuple[str, str], ...]
    pay: tuple[Verdict, ...]
    lose: tuple[Verdict, ...]


def try_cart(cart: Cart, rules: Sequence[Rule], facts: Facts, terms: Terms, style: Style) -> Outcome:
    """What the cart would earn if nobody had used anything of the rules' limits yet. Nothing is written."""
    whole = {rule.slug: Room.untouched(rule.terms.limits) for rule in rules}
    found = evaluate(cart, rules, replace(facts, room=whole), terms, style.zone)

    def money(amount: Fraction) -> str:
        return say_money(amount, style.currency, style.locale)

    excluded = found.basis.excluded.items() if found.basis else ()
    return Outcome(
        points=found.points,
        reason=REASONS[found.reason] if found.reason else "",
        counts=money(found.basis.total) if found.basis else "",
        excluded=tuple((EXCLUDED[what], money(amount)) for what, amount in excluded),
        pay=tuple(_paying(found, rules, style)),
        lose=tuple(_losing(found, rules)),
    )


def _paying(found: Evaluation, rules: Sequence[Rule], style: Style) -> Iterator[Verdict]:
    """The rules that grant something, then the multipliers that count."""
    for grant in found.grants:
        yield Verdict(grant.rule, explain_grant(grant, style.currency, style.locale))
    for rule in rules:
        if rule.terms.kind is RuleKind.MULTIPLIER and rule.slug not in found.lost and found.basis:
            yield Verdict(rule, f"{say_what_it_brings(rule.terms, style.currency, style.locale)} of spend rules")


def _losing(found: Evaluation, rules: Sequence[Rule]) -> Iterator[Verdict]:
    """The rules that pay nothing, with why."""
    for rule in rules:
        if rule.terms.kind in (RuleKind.EVENT, RuleKind.SIGN_UP, RuleKind.BIRTHDAY):
            yield Verdict(rule, "It does not pay for orders.")
        elif rule.slug in found.lost:
            yield Verdict(rule, explain_lost(rule.terms.kind, found.lost[rule.slug]))
