"""`evaluate`: from a cart, the rules and what is known of the member to points, each with its reason.

Pure: no session, no clock, and the same answer for the same values. Integers and rationals only. The order of the steps
is that of CONTRACT-EARNING 8.3: one base rule for each line, multipliers, one floor for each rule, flat grants, caps.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from typing import Self
from zoneinfo import ZoneInfo

from portal.earning.basis import Basis, Terms, compute_basis, spread
from portal.earning.cart import Cart, LineKind
from portal.earning.rules import Limits, RuleKind, RuleTerms

FLAT = (RuleKind.ITEM, RuleKind.ORDER, RuleKind.FIRST_ORDER)
NOTHING = Fraction()


class Reason(StrEnum):
    """Why a cart earns nothing, as far as its lines and the rules can tell."""

    CURRENCY_NOT_CONVERTED = "currency_not_converted"
    NOTHING_ELIGIBLE = "nothing_eligible"
    LIMIT_REACHED = "limit_reached"
    BELOW_MINIMUM = "below_minimum"
    NO_RULE = "no_rule"


class Lost(StrEnum):
    """Why a rule pays nothing for this cart."""

    INACTIVE = "inactive"
    NOT_NOW = "not_now"
    WEEKDAY = "weekday"
    TIER = "tier"
    CHANNEL = "channel"
    CURRENCY = "currency"
    NO_LINE = "no_line"
    BELOW_MINIMUM = "below_minimum"
    OTHER_RULE = "other_rule"
    TOO_SMALL = "too_small"
    USED_UP = "used_up"


class Cap(StrEnum):
    """Which limit has cut a grant."""

    ORDER = "order"
    MEMBER = "member"
    PROGRAMME = "programme"


@dataclass(frozen=True, slots=True)
class Rule:
    """A version of a rule, under its slug."""

    slug: str
    version: int
    terms: RuleTerms


@dataclass(frozen=True, slots=True)
class Room:
    """What is left under a rule's limits in the windows of this order; None: no such limit."""

    member_points: int | None = None
    member_times: int | None = None
    programme: int | None = None

    @classmethod
    def untouched(cls, limits: Limits) -> Self:
        """All that these limits allow, as long as nobody has been granted anything."""
        member = limits.per_member
        return cls(member.points if member else None, member.times if member else None, limits.programme)


@dataclass(frozen=True, slots=True)
class Facts:
    """What counts of the member: tier and its multiplier, whether a first order is still to be rewarded, room left."""

    tier: str | None = None
    tier_multiplier: Fraction | None = None
    first_order: bool = False
    room: Mapping[str, Room] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Grant:
    """What a rule pays.

    `exact` is before the floor and the caps, `basis` what its lines count together, `lines` the points of each line by
    its id. `multipliers` are the factors that its lines had. `cap` is the limit that has cut it, if any.
    """

    rule: Rule
    points: int
    exact: Fraction
    basis: Fraction
    lines: Mapping[str, int]
    multipliers: frozenset[Fraction] = frozenset()
    cap: Cap | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The grants in the order of the rules, the basis they rest on (None: not converted), and what the others lost by.

    `reason` is set when nothing is granted.
    """

    basis: Basis | None
    grants: tuple[Grant, ...]
    lost: Mapping[str, Lost]
    reason: Reason | None

    @property
    def points(self) -> int:
        """All points together."""
        return sum(grant.points for grant in self.grants)


def evaluate(cart: Cart, rules: Sequence[Rule], facts: Facts, terms: Terms, zone: ZoneInfo) -> Evaluation:
    """What the cart earns by these rules: judged as paid now, in its own time. `zone` is the programme's timezone."""
    basis = compute_basis(cart, terms)
    if basis is None:
        return Evaluation(None, (), {}, Reason.CURRENCY_NOT_CONVERTED)
    judged = _Judged(cart, basis, facts, zone)
    for rule in sorted(rules, key=_rank):
        judged.consider(rule)
    grants = [*judged.spend_grants(), *judged.flat_grants()]
    kept = tuple(grant for grant in grants if grant.points)
    return Evaluation(basis, kept, judged.lost, None if kept else judged.reason(grants))


def find_refusal(
    rule: RuleTerms,
    moment: datetime,
    zone: ZoneInfo,
    tier: str | None,
    channel: str | None = None,
    currency: str | None = None,
) -> Lost | None:
    """Why a rule pays nothing at that moment to a member of this tier, whatever was bought; None: it may pay."""
    checks = (
        (rule.active, Lost.INACTIVE),
        (rule.is_in_time(moment), Lost.NOT_NOW),
        (not rule.weekdays or moment.astimezone(zone).isoweekday() in rule.weekdays, Lost.WEEKDAY),
        (rule.is_for_tier(tier), Lost.TIER),
        (not rule.channels or channel in rule.channels, Lost.CHANNEL),
        (not rule.currencies or currency in rule.currencies, Lost.CURRENCY),
    )
    return next((why for holds, why in checks if not holds), None)


def cap_points(rule: RuleTerms, points: int, room: Room) -> tuple[int, Cap | None]:
    """The points that its limits leave, and which of them has cut: the order's, the member's, the programme's."""
    cap = None
    of_member = 0 if room.member_times == 0 else room.member_points
    limits = (rule.limits.per_order, of_member, room.programme)
    for most, name in zip(limits, (Cap.ORDER, Cap.MEMBER, Cap.PROGRAMME), strict=True):
        if most is not None and most < points:
            points, cap = max(most, 0), name
    return points, cap


def _rank(rule: Rule) -> tuple[int, str]:
    return -rule.terms.priority, rule.slug


@dataclass(slots=True)
class _Judged:
    """The rules that take part, each with its lines, while a cart is evaluated."""

    cart: Cart
    basis: Basis
    facts: Facts
    zone: ZoneInfo
    lost: dict[str, Lost] = field(default_factory=dict)
    multiplying: set[str] = field(default_factory=set)
    matches: dict[RuleKind, list[tuple[Rule, dict[int, int]]]] = field(default_factory=lambda: defaultdict(list))

    def consider(self, rule: Rule) -> None:
        """Take a rule in with the lines that it matches (each with how exactly), or note why it is out."""
        cart = self.cart
        why = find_refusal(rule.terms, cart.placed_at, self.zone, self.facts.tier, cart.channel, cart.currency)
        places = {} if why else self._matched(rule.terms)
        if why is None and not places:
            why = Lost.NO_LINE
        if why is None and self._sum(places) < rule.terms.minimum_basis:
            why = Lost.BELOW_MINIMUM
        if why is None and rule.terms.kind is RuleKind.FIRST_ORDER and not self.facts.first_order:
            why = Lost.USED_UP
        if why is None:
            self.matches[rule.terms.kind].append((rule, places))
        else:
            self.lost[rule.slug] = why

    def _matched(self, rule: RuleTerms) -> dict[int, int]:
        """The places of the lines that the rule names, each with how exactly; flat rules need a product among them.

        Lines take part even if nothing is left of them.
        """
        found = {}
        for place, each in enumerate(self.basis.lines):
            if each.counts:
                how = rule.specificity(each.line)
                if how is not None:
                    found[place] = how
        flat_without_product = rule.kind in FLAT and not any(map(self._is_product, found))
        return {} if flat_without_product else found

    def _is_product(self, place: int) -> bool:
        return self.basis.lines[place].line.kind is LineKind.PRODUCT

    def _sum(self, places: Mapping[int, int]) -> Fraction:
        return sum((self.basis.lines[place].amount for place in places), NOTHING)

    def spend_grants(self) -> list[Grant]:
        """What the base rules pay: each line counts for the one that names it most exactly."""
        taken: dict[int, tuple[int, int]] = {}
        rules = self.matches[RuleKind.SPEND]
        for number, (_, places) in enumerate(rules):  # in rank, so that of equals the first stays
            for place, how in places.items():
                if place not in taken or how > taken[place][0]:
                    taken[place] = (how, number)
        grants = []
        for number, (rule, _) in enumerate(rules):
            mine = [place for place, (_, winner) in taken.items() if winner == number]
            if mine:
                grants.append(self._spend(rule, sorted(mine)))
            else:
                self.lost[rule.slug] = Lost.OTHER_RULE
        idle = (rule.slug for rule, _ in self.matches[RuleKind.MULTIPLIER] if rule.slug not in self.multiplying)
        self.lost.update(dict.fromkeys(idle, Lost.OTHER_RULE))
        return grants

    def _spend(self, rule: Rule, places: list[int]) -> Grant:
        amounts = [self.basis.lines[place].amount for place in places]
        factors = [self._factor(place) for place in places]
        whole = sum(amounts, NOTHING)
        assert rule.terms.points is not None
        assert rule.terms.per_amount is not None
        rate = Fraction(rule.terms.points, rule.terms.per_amount)
        if rule.terms.step == "whole":
            steps = whole // rule.terms.per_amount * rule.terms.points
            rate = Fraction(steps) / whole if whole else NOTHING
        exact = [amount * rate * factor for amount, factor in zip(amounts, factors, strict=True)]
        total = sum(exact, NOTHING)
        return self._grant(rule, places, total, exact, whole, frozenset(factors))

    def _factor(self, place: int) -> Fraction:
        """The best multiplier that does not stack, the tier's included, times every one that does."""
        matching = [rule for rule, places in self.matches[RuleKind.MULTIPLIER] if place in places]
        counting = [rule for rule in matching if rule.terms.stacks]
        alone = (rule for rule in matching if not rule.terms.stacks)
        best = max(alone, key=lambda rule: rule.terms.factor, default=None)
        tier = self.facts.tier_multiplier
        factor = Fraction(1) if tier is None else tier
        if best is not None and (tier is None or best.terms.factor >= tier):
            counting, factor = [*counting, best], Fraction(1)
        self.multiplying.update(rule.slug for rule in counting)
        return math.prod((rule.terms.factor for rule in counting), start=factor)

    def flat_grants(self) -> list[Grant]:
        """What is paid for units and for orders, which no multiplier touches."""
        grants = []
        for kind in FLAT:
            for rule, matched in self.matches[kind]:
                places = [place for place in sorted(matched) if kind is not RuleKind.ITEM or self._is_product(place)]
                lines = [self.basis.lines[place] for place in places]
                amounts = [each.amount for each in lines]
                quantities = [Fraction(each.line.quantity) for each in lines]
                weights = quantities if kind is RuleKind.ITEM else amounts
                assert rule.terms.points is not None
                exact = rule.terms.points * (sum(quantities, NOTHING) if kind is RuleKind.ITEM else Fraction(1))
                grants.append(self._grant(rule, places, exact, weights, sum(amounts, NOTHING)))
        return grants

    def _grant(
        self,
        rule: Rule,
        places: list[int],
        exact: Fraction,
        weights: Sequence[Fraction],
        basis: Fraction,
        multipliers: frozenset[Fraction] = frozenset(),
    ) -> Grant:
        """The grant: floored once, whatever its lines had in parts, then within its limits, then divided among them."""
        points, cap = cap_points(rule.terms, int(exact), self.facts.room.get(rule.slug, Room()))
        if not points:
            self.lost[rule.slug] = Lost.USED_UP if cap else Lost.TOO_SMALL if basis else Lost.NO_LINE
        shares = spread(points, weights)
        lines = {self.basis.lines[place].line.id: share for place, share in zip(places, shares, strict=True) if share}
        return Grant(rule, points, exact, basis, lines, multipliers, cap)

    def reason(self, grants: Sequence[Grant]) -> Reason:
        """Why nothing is left of these grants."""
        if not any(map(self._is_product, range(len(self.basis.lines)))):
            return Reason.NOTHING_ELIGIBLE
        if any(grant.cap for grant in grants):
            return Reason.LIMIT_REACHED
        if not self.basis.total:
            return Reason.NOTHING_ELIGIBLE
        for lost, reason in (
            (Lost.USED_UP, Reason.LIMIT_REACHED),
            (Lost.BELOW_MINIMUM, Reason.BELOW_MINIMUM),
            (Lost.TOO_SMALL, Reason.BELOW_MINIMUM),
        ):
            if lost in self.lost.values():
                return reason
        return Reason.NO_RULE
