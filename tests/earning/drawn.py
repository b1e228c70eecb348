"""Carts and rules that hypothesis draws, as documents of the API."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from portal.earning import TenderKind

Document = dict[str, Any]
ZONE = "America/Los_Angeles"
BEGIN = datetime(2026, 3, 1, 8, tzinfo=UTC)
CODES = st.sampled_from(["a", "b", "c"])
NAMED = st.lists(CODES, max_size=2, unique=True)
MULTIPLIERS = st.sampled_from(["0.5", "1", "1.25", "1.5", "2", "3.3333"])


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
