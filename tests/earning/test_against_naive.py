"""`evaluate` answers what an implementation answers that was written from the contract without sight of it."""

from datetime import datetime
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from portal.earning import (
    Cart,
    Evaluation,
    Facts,
    Line,
    LineKind,
    Room,
    Rule,
    RuleTerms,
    Tender,
    TenderKind,
    Terms,
    evaluate,
)
from tests.earning.drawn import CODES, MULTIPLIERS, ZONE, orders, rules
from tests.earning.naive import naive

Document = dict[str, Any]


def cart_of(order: Document) -> Cart:
    """The body of an order as a cart."""
    lines = tuple(
        Line(
            line["lineId"],
            line["amount"],
            LineKind(line["kind"]),
            line["quantity"],
            line["discount"],
            line["tax"],
            line.get("productId"),
            line.get("sku"),
            frozenset(line["categories"]),
        )
        for line in order["lines"]
    )
    return Cart(
        order["currency"],
        datetime.fromisoformat(order["placedAt"]),
        lines,
        order["discount"],
        tuple(Tender(TenderKind(tender["kind"]), tender["amount"]) for tender in order["tenders"]),
        order["taxIncluded"],
        Fraction(order["exchangeRate"]) if order.get("exchangeRate") else None,
        order.get("channel"),
    )


def evaluated(order: Document, rules: dict[str, Document], facts: Document, terms: Document) -> Evaluation:
    """`evaluate` for the documents that `naive` takes."""
    multiplier = facts["tierMultiplier"]
    rooms = {
        slug: Room(room["memberPoints"], room["memberTimes"], room["programme"]) for slug, room in facts["room"].items()
    }
    return evaluate(
        cart_of(order),
        [Rule(slug, 1, RuleTerms.model_validate(rule)) for slug, rule in rules.items()],
        Facts(facts["tier"], Fraction(multiplier) if multiplier else None, facts["firstOrder"], rooms),
        Terms(
            terms["currency"],
            terms["earnOnTax"],
            terms["earnOnShipping"],
            terms["earnOnPointsPart"],
            terms["earnOnGiftCardPart"],
        ),
        ZoneInfo(terms["timezone"]),
    )


ROOMS = st.fixed_dictionaries(
    {
        "memberPoints": st.none() | st.integers(0, 150),
        "memberTimes": st.none() | st.integers(0, 2),
        "programme": st.none() | st.integers(0, 150),
    }
)
FACTS = st.fixed_dictionaries(
    {
        "tier": st.none() | CODES,
        "tierMultiplier": st.none() | MULTIPLIERS,
        "firstOrder": st.booleans(),
        "room": st.dictionaries(CODES, ROOMS, max_size=2),
    }
)
TERMS = st.fixed_dictionaries(
    {
        "currency": st.sampled_from(["EUR", "JPY"]),
        "timezone": st.just(ZONE),
        "earnOnTax": st.booleans(),
        "earnOnShipping": st.booleans(),
        "earnOnPointsPart": st.booleans(),
        "earnOnGiftCardPart": st.booleans(),
    }
)


@settings(max_examples=2_000, deadline=None)
@given(orders(), st.dictionaries(st.sampled_from("abcdef"), rules(), max_size=6), FACTS, TERMS)
def test_both_say_the_same(order: Document, documents: dict[str, Document], facts: Document, terms: Document) -> None:
    expected, found = naive(order, documents, facts, terms), evaluated(order, documents, facts, terms)
    assert {grant.rule.slug: grant.points for grant in found.grants} == expected["points"]
    assert {grant.rule.slug: dict(grant.lines) for grant in found.grants} == expected["lines"]
    assert ([found.reason.value] if found.reason else []) == expected["reasons"]
    assert (found.basis.total if found.basis else 0) == expected["basis"]


@settings(max_examples=500, deadline=None)
@given(orders(), st.dictionaries(st.sampled_from("abcdef"), rules(), max_size=6), FACTS, TERMS)
def test_the_order_of_lines_and_rules_changes_no_sum_of_a_rule_without_ties(
    order: Document, documents: dict[str, Document], facts: Document, terms: Document
) -> None:
    order = {**order, "discount": 0, "tenders": []}
    turned = {**order, "lines": order["lines"][::-1]}
    backwards = dict(reversed(documents.items()))
    points = [
        {grant.rule.slug: grant.points for grant in evaluated(each, rules_, facts, terms).grants}
        for each, rules_ in ((order, documents), (turned, documents), (order, backwards))
    ]
    assert points[0] == points[1] == points[2]
