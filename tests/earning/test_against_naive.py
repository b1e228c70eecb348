"""`evaluate` answers what an implementation answers that was written from the contract without sight of it."""

from datetime import UTC, datetime, timedelta
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
from tests.earning.naive import naive

Document = dict[str, Any]
ZONE = "America/Los_Angeles"
BEGIN = datetime(2026, 3, 1, 8, tzinfo=UTC)
CODES = st.sampled_from(["a", "b", "c"])
NAMED = st.lists(CODES, max_size=2, unique=True)
MULTIPLIERS = st.sampled_from(["0.5", "1", "1.25", "1.5", "2", "3.3333"])


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


@st.composite
def lines(draw: st.DrawFn) -> Document:
    amount = draw(st.integers(0, 9_999))
    discount = draw(st.sampled_from([0, 0, amount // 7, amount]))
    return {
        "kind": draw(st.sampled_from(["product"] * 5 + ["shipping", "gift_card", "fee", "tip"])),
        "amount": amount,
        "discount": discount,
        "tax": draw(st.sampled_from([0, (amount - discount) // 11])),
        "quantity": draw(st.integers(1, 4)),
        "categories": draw(NAMED),
        "productId": draw(st.none() | CODES),
        "sku": draw(st.none() | CODES),
    }


@st.composite
def orders(draw: st.DrawFn) -> Document:
    bought = draw(st.lists(lines(), min_size=1, max_size=6))
    # A tax was charged after all discounts: where it is included an order's discount leaves no less than it.
    free = sum(line["amount"] - line["discount"] for line in bought if line["kind"] == "product" and not line["tax"])
    discount = draw(st.sampled_from([0, 0, free // 5])) if all(not line["tax"] for line in bought) else 0
    return {
        "currency": draw(st.sampled_from(["EUR", "EUR", "EUR", "JPY", "KWD"])),
        "exchangeRate": draw(st.none() | st.sampled_from(["0.92", "0.0061", "3.1"])),
        "placedAt": (BEGIN + timedelta(hours=draw(st.integers(0, 400)))).isoformat(),
        "channel": draw(st.none() | CODES),
        "taxIncluded": draw(st.booleans()),
        "lines": [{"lineId": str(number), **line} for number, line in enumerate(bought)],
        "discount": discount,
        "tenders": draw(
            st.lists(
                st.fixed_dictionaries(
                    {"kind": st.sampled_from([kind.value for kind in TenderKind]), "amount": st.integers(0, 6_000)}
                ),
                max_size=3,
            )
        ),
    }


@st.composite
def rules(draw: st.DrawFn) -> Document:
    kind = draw(st.sampled_from(["spend", "spend", "item", "order", "first_order", "multiplier"]))
    document: Document = {"name": "A rule", "kind": kind, "active": draw(st.sampled_from([True] * 6 + [False]))}
    optional = {
        "from": st.sampled_from([(BEGIN + timedelta(days=days)).isoformat() for days in (0, 5)]),
        "until": st.sampled_from([(BEGIN + timedelta(days=days)).isoformat() for days in (9, 14)]),
        "weekdays": st.lists(st.integers(1, 7), min_size=3, max_size=6, unique=True),
        "tiers": NAMED,
        "notTiers": NAMED,
        "products": NAMED,
        "skus": NAMED,
        "categories": NAMED,
        "excludeProducts": NAMED,
        "excludeSkus": NAMED,
        "excludeCategories": NAMED,
        "excludeDiscounted": st.booleans(),
        "channels": NAMED,
        "currencies": st.just(["EUR", "JPY"]),
        "minimumBasis": st.integers(0, 12_000),
        "priority": st.integers(-2, 2),
    }
    for name in draw(st.lists(st.sampled_from(sorted(optional)), max_size=4, unique=True)):
        document[name] = draw(optional[name])
    if kind == "multiplier":
        document |= {"multiplier": draw(MULTIPLIERS), "stacks": draw(st.booleans())}
        return document
    document["points"] = draw(st.integers(1, 300))
    if kind == "spend":
        document |= {"perAmount": draw(st.integers(1, 4_000)), "step": draw(st.sampled_from(["proportional", "whole"]))}
    if draw(st.booleans()):
        document["limits"] = {"perOrder": draw(st.integers(1, 200))}
    return document


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
