"""The worked examples of CONTRACT-EARNING, and what each part of an evaluation says."""

from datetime import UTC, datetime
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from portal.config import Settings
from portal.earning import (
    Cart,
    Evaluation,
    Facts,
    Line,
    LineKind,
    Lost,
    Reason,
    Room,
    Rule,
    RuleTerms,
    Tender,
    TenderKind,
    Terms,
    evaluate,
    spread,
)

PLACED = datetime(2026, 3, 4, 12, tzinfo=UTC)
BASE = {"name": "Base", "kind": "spend", "points": 1, "perAmount": 100}
EUR = Terms("EUR")


def rule(slug: str, **terms: Any) -> Rule:
    return Rule(slug, 1, RuleTerms.model_validate({"name": slug, **terms}))


def cart(*lines: Line, **more: Any) -> Cart:
    return Cart("EUR", PLACED, lines, **more)


def judged(bought: Cart, *rules: Rule, facts: Facts | None = None, terms: Terms = EUR, zone: str = "UTC") -> Evaluation:
    return evaluate(bought, rules or (rule("base", **BASE),), facts or Facts(), terms, ZoneInfo(zone))


def bought(amount: int, **more: Any) -> Line:
    return Line(more.pop("id", "1"), amount, **more)


@pytest.mark.parametrize(("left", "points"), [(3, 29), (2, 19), (1, 9), (0, 0)])
def test_example_a_three_times_9_99(left: int, points: int) -> None:
    assert judged(cart(bought(999 * left, quantity=max(left, 1)))).points == points


@pytest.mark.parametrize(("on_tax", "basis", "points"), [(True, Fraction(8500), 85), (False, Fraction(42500, 6), 70)])
def test_example_b_discount_gift_card_shipping_points_and_tax(on_tax: bool, basis: Fraction, points: int) -> None:
    """The tax of 20 % is included, and what was charged after all discounts."""
    order = cart(
        bought(6000, id="1", tax=900),
        bought(4000, id="2", tax=600),
        bought(5000, id="3", kind=LineKind.GIFT_CARD),
        bought(500, id="4", kind=LineKind.SHIPPING),
        discount=1000,
        tenders=(Tender(TenderKind.POINTS, 500),),
    )
    found = judged(order, terms=Terms("EUR", on_tax=on_tax))
    assert found.basis is not None
    assert (found.basis.total, found.points) == (basis, points)
    assert {what: amount for what, amount in found.basis.excluded.items() if what != "tax"} == {
        "points_part": 500,
        "gift_card": 5000,
        "shipping": 500,
    }


@pytest.mark.parametrize(
    ("settings", "basis"),
    [
        ({}, 7000),
        ({"earn_on_tax": True}, 8400),
        ({"earn_on_shipping": True}, 7500),
        ({"earn_on_points_part": True}, 8000),
        ({"earn_on_gift_card_part": False}, 5000),
        ({"programme_currency": "JPY"}, None),
    ],
)
def test_settings_say_what_counts(settings: dict[str, Any], basis: int | None) -> None:
    """A product of 96.00 with 16.00 of tax, of which 12.00 were paid with points and 24.00 by gift card; shipping."""
    order = cart(
        bought(9600, id="1", tax=1600),
        bought(500, id="2", kind=LineKind.SHIPPING),
        tenders=(Tender(TenderKind.POINTS, 1200), Tender(TenderKind.GIFT_CARD, 2400)),
    )
    found = judged(order, terms=Terms.of(Settings(**settings)))
    assert (found.basis and found.basis.total) == basis


def test_example_c_a_multiplier_before_the_one_floor() -> None:
    found = judged(cart(bought(3367)), facts=Facts("gold", Fraction("1.5")))
    assert (found.points, found.grants[0].exact) == (50, Fraction("50.505"))
    assert found.grants[0].multipliers == {Fraction("1.5")}


@pytest.mark.parametrize(("amount", "points"), [(6000, {"base": 60, "big": 200}), (4500, {"base": 45})])
def test_example_d_a_flat_rule_from_a_minimum(amount: int, points: dict[str, int]) -> None:
    big = rule("big", kind="order", points=200, minimumBasis=5000)
    found = judged(cart(bought(amount)), rule("base", **BASE), big)
    assert {grant.rule.slug: grant.points for grant in found.grants} == points
    assert found.lost == ({} if "big" in points else {"big": Lost.BELOW_MINIMUM})


def test_the_rule_that_names_a_line_most_exactly_takes_it() -> None:
    rules = (
        rule("base", **BASE, priority=9),
        rule("drinks", kind="spend", points=2, perAmount=100, categories=["drinks"], priority=1),
        rule("tea", kind="spend", points=3, perAmount=100, products=["tea"]),
        rule("tea-250", kind="spend", points=4, perAmount=100, skus=["T250"]),
    )
    line = {"categories": frozenset({"drinks"}), "product_id": "tea", "sku": "T250"}
    for number, (slug, points) in enumerate((("tea-250", 40), ("tea", 30), ("drinks", 20), ("base", 10))):
        found = judged(cart(bought(1000, **line)), *rules[: 4 - number])
        assert [(grant.rule.slug, grant.points) for grant in found.grants] == [(slug, points)]
        assert set(found.lost.values()) <= {Lost.OTHER_RULE}


def test_an_excluded_line_falls_to_the_next_rule() -> None:
    rules = (
        rule("double", kind="spend", points=2, perAmount=100, excludeDiscounted=True, priority=1),
        rule("base", **BASE),
    )
    found = judged(cart(bought(1000, id="full"), bought(1000, id="cut", discount=100)), *rules)
    assert {grant.rule.slug: dict(grant.lines) for grant in found.grants} == {
        "double": {"full": 20},
        "base": {"cut": 9},
    }


def test_the_best_multiplier_alone_times_every_one_that_stacks() -> None:
    rules = (
        rule("base", **BASE),
        rule("two", kind="multiplier", multiplier="2"),
        rule("three", kind="multiplier", multiplier="3", categories=["tea"]),
        rule("half-more", kind="multiplier", multiplier="1.5", stacks=True),
    )
    order = cart(bought(1000, id="1"), bought(1000, id="2", categories=frozenset({"tea"})))
    found = judged(order, *rules, facts=Facts("gold", Fraction("2.5")))
    assert found.grants[0].multipliers == {Fraction("3.75"), Fraction("4.5")}
    assert found.points == 82  # 37.5 + 45, floored once


def test_whole_steps_are_floored_before_they_are_multiplied() -> None:
    steps = rule("steps", kind="spend", points=10, perAmount=1000, step="whole")
    assert judged(cart(bought(2900)), steps, facts=Facts(None, Fraction("1.5"))).points == 30
    assert judged(cart(bought(900)), steps).reason is Reason.BELOW_MINIMUM


def test_days_and_times_are_those_of_the_programme() -> None:
    """The order was placed on a Wednesday in UTC, and on a Thursday in Auckland."""
    thursdays = rule("thursdays", **(BASE | {"weekdays": [4]}))
    assert judged(cart(bought(1000)), thursdays, zone="UTC").lost == {"thursdays": Lost.WEEKDAY}
    assert judged(cart(bought(1000)), thursdays, zone="Pacific/Auckland").points == 10
    ended = rule("ended", **(BASE | {"until": PLACED.isoformat()}))
    begun = rule("begun", **(BASE | {"from": PLACED.isoformat()}))
    found = judged(cart(bought(1000)), ended, begun)
    assert ([grant.rule.slug for grant in found.grants], found.lost) == (["begun"], {"ended": Lost.NOT_NOW})


@pytest.mark.parametrize(
    ("room", "points", "cap"),
    [
        (Room(member_points=4), 4, "member"),
        (Room(member_times=0), 0, None),
        (Room(member_points=8, programme=3), 3, "programme"),
        (Room(member_times=1), 5, "order"),
    ],
)
def test_a_grant_is_cut_by_the_limit_that_leaves_least(room: Room, points: int, cap: str | None) -> None:
    limited = rule("base", **BASE, limits={"perOrder": 5})
    found = judged(cart(bought(1000, id="1"), bought(1000, id="2")), limited, facts=Facts(room={"base": room}))
    assert (found.points, [grant.cap for grant in found.grants]) == (points, [cap] if points else [])
    assert sum(sum(grant.lines.values()) for grant in found.grants) == points
    assert found.reason is (None if points else Reason.LIMIT_REACHED)


@pytest.mark.parametrize(
    ("currency", "rate", "points"), [("EUR", None, 10), ("JPY", "0.0061", 6), ("KWD", "3.1", 3), ("USD", None, 0)]
)
def test_other_currencies_are_converted_by_the_order_s_rate(currency: str, rate: str | None, points: int) -> None:
    """1000 smallest units each: 10.00 EUR, 1,000 JPY (6.10 EUR), 1.000 KWD (3.10 EUR)."""
    order = Cart(currency, PLACED, (bought(1000),), exchange_rate=Fraction(rate) if rate else None)
    found = judged(order)
    assert (found.points, found.reason) == (points, None if points else Reason.CURRENCY_NOT_CONVERTED)


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (cart(bought(500, kind=LineKind.SHIPPING)), Reason.NOTHING_ELIGIBLE),
        (cart(bought(500, discount=500)), Reason.NOTHING_ELIGIBLE),
        (cart(bought(99)), Reason.BELOW_MINIMUM),
    ],
)
def test_what_earns_nothing_says_why(order: Cart, reason: Reason) -> None:
    assert (judged(order).points, judged(order).reason) == (0, reason)


def test_without_a_rule_that_takes_part_there_is_none() -> None:
    paused = rule("base", **BASE, active=False)
    assert judged(cart(bought(1000)), paused).reason is Reason.NO_RULE
    assert judged(cart(bought(1000)), paused).lost == {"base": Lost.INACTIVE}


@pytest.mark.parametrize(
    ("total", "weights", "shares"),
    [
        (10, [1, 1, 1], [4, 3, 3]),
        (100, [60, 40], [60, 40]),
        (1, [1, 1], [1, 0]),
        (5, [0, 0], [5, 0]),
        (0, [3], [0]),
        (7, [0, 2, 5], [0, 2, 5]),
        (2, [Fraction(1, 3), Fraction(2, 3)], [1, 1]),
        (3, [], []),
    ],
)
def test_shares_add_up_and_the_largest_remainder_gets_the_rest(
    total: int, weights: list[int | Fraction], shares: list[int]
) -> None:
    assert spread(total, weights) == shares


@pytest.mark.parametrize(
    "terms",
    [
        {"kind": "spend", "points": 1},
        {"kind": "order"},
        {"kind": "multiplier"},
        {"kind": "multiplier", "multiplier": "0.0"},
        {"kind": "multiplier", "multiplier": "1,5"},
        {"kind": "event", "points": 5},
        {"kind": "order", "points": 0},
        {"kind": "order", "points": 5, "weekdays": [0]},
        {"kind": "order", "points": 5, "from": "2026-03-01T00:00:00+00:00", "until": "2026-03-01T00:00:00+00:00"},
        {"kind": "order", "points": 5, "from": "2026-03-01T00:00:00"},
        {"kind": "order", "points": 5, "limits": {"perMember": {"window": "day"}}},
        {"kind": "order", "points": 5, "limits": {"perMember": {"window": "day", "points": 5, "times": 1}}},
        {"kind": "order", "points": 5, "unknown": 1},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(terms: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RuleTerms.model_validate({"name": "A rule", **terms})
