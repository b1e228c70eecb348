"""Quotes of carts over HTTP: what the order is granted, in as many statements whatever the cart (CONTRACT-EARNING 8.2).

`ORDERS_QUOTES=300` takes that many random carts.
"""

import itertools
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.platform import clock
from tests.contract.api import Api
from tests.contract.document import Json
from tests.contract.orders import RULE, Orders, amounts, line, net, order_of, put_rule
from tests.contract.shop import Shop
from tests.earning import drawn
from tests.factories.loyalty import make_tier
from tests.statements import counted

_numbers = itertools.count()
QUOTES = int(os.environ.get("ORDERS_QUOTES", "30"))


def given_by(answer: Json) -> dict[str, int]:
    return {grant["rule"]: grant["points"] for grant in answer["grants"]}


@settings(
    max_examples=QUOTES,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(drawn.orders(), st.dictionaries(st.sampled_from("abc"), drawn.rules(), max_size=3))
def test_what_is_quoted_is_granted(orders: Orders, admin: Api, ann: str, cart: Json, rules: dict[str, Json]) -> None:
    """Rules and orders of earlier examples stay: what they have used of limits is used for both."""
    for slug, terms in rules.items():
        put_rule(admin, slug, **terms)
    bought = {name: value for name, value in cart.items() if value is not None and name != "placedAt"}
    bought["lines"] = [{name: v for name, v in each.items() if v is not None} for each in bought["lines"]]
    quote = orders.quote({**bought, "userId": ann})
    body = {**bought, "userId": ann, "status": "paid", "placedAt": clock.now().isoformat()}
    order = orders.put(f"Q-{next(_numbers)}", body)["order"]
    assert given_by(order) == given_by(quote)
    assert (order["points"]["granted"], order["basis"]) == (quote["points"], quote["basis"])
    assert [reason["code"] for reason in order["reasons"]] == [reason["code"] for reason in quote["reasons"]]
    sentences = [[grant["sentence"] for grant in each["grants"]] for each in (order, quote)]
    assert sentences[0] == sentences[1]


def test_whoever_is_no_member_yet_is_quoted_what_the_order_will_earn_them(
    orders: Orders, ann: str, session: Session
) -> None:
    """The order makes them one, in the tier that needs no points, whose multiplier counts."""
    make_tier(session, "bronze", 0, benefits=[{"kind": "earn_multiplier", "label": "More", "value": "1.5"}])
    quote = orders.quote(order_of(1000, userId=ann))
    assert (quote["points"], quote["reasons"], quote["tierAfter"]) == (15, [], "bronze")
    assert session.execute(text("SELECT count(*) FROM loyalty_members")).scalar_one() == 0
    assert net(orders.put("A", order_of(1000, userId=ann))) == 15
    assert orders.quote(order_of(1000))["points"] == 10


def many_rules(admin: Api) -> None:
    kinds: list[Json] = [
        {"kind": "spend", "points": 2, "perAmount": 100},
        {"kind": "item", "points": 3, "limits": {"programme": 10_000}},
        {"kind": "order", "points": 50, "limits": {"perMember": {"times": 3, "window": "week"}}},
        {"kind": "multiplier", "multiplier": "1.5", "stacks": True},
    ]
    for number in range(20):
        put_rule(admin, f"rule-{number}", **kinds[number % 4], skus=[f"s{number}"])


def test_lines_and_rules_cost_no_statements(orders: Orders, admin: Api, ann: str, shop: Shop, session: Session) -> None:
    """Twenty rules and sixty lines take what two rules and one line take, quoted, told, changed and repeated."""
    shop.member(ann)
    put_rule(admin, "member", kind="order", points=1, limits={"perMember": {"times": 9, "window": "day"}})
    put_rule(admin, "programme", kind="order", points=1, limits={"programme": 10_000})
    sent = {}
    for name, lines in (("small", 1), ("large", 60)):
        if name == "large":
            many_rules(admin)
        cart = order_of(*[line(1000, str(n), sku=f"s{n % 20}") for n in range(lines)], userId=ann)
        refunds = [{"refundId": str(n), "lines": [{"lineId": str(n)}]} for n in range(lines // 2)]
        counts = []
        for call in (
            lambda: orders.quote(cart),  # noqa: B023 - called at once
            lambda: orders.put(name, cart),  # noqa: B023 - called at once
            lambda: orders.put(name, {**cart, "discount": 1, "refunds": refunds}),  # noqa: B023 - called at once
            lambda: orders.put(name, {**cart, "discount": 1, "refunds": refunds}),  # noqa: B023 - called at once
        ):
            call()
            session.flush()
            with counted(session) as statements:
                call()
            counts.append(len(statements))
        sent[name] = counts
    assert sent["large"] == sent["small"]


def test_a_quote_writes_nothing_and_uses_no_limit(orders: Orders, admin: Api, ann: str, session: Session) -> None:
    put_rule(admin, "base", **RULE, limits={"programme": 15})
    tables = ("loyalty_orders", "loyalty_earning_grants", "loyalty_earning_entitlements", "loyalty_members")
    counts = [session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() for table in tables]
    assert [orders.quote(order_of(1000, userId=ann))["points"] for _ in range(3)] == [10, 10, 10]
    assert [session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() for table in tables] == counts
    orders.put("A", order_of(1000, userId=ann))
    assert orders.quote(order_of(1000, userId=ann))["points"] == 5


@pytest.mark.parametrize(
    "after",
    [
        {**RULE, "points": 2},
        {**RULE, "active": False},
        {**RULE, "minimumBasis": 100_000},
        {**RULE, "tiers": ["gold"]},
        {**RULE, "until": "2020-01-01T00:00:00Z"},
        {"kind": "item", "points": 500},
        {"kind": "multiplier", "multiplier": "3"},
        {"kind": "event", "points": 5, "eventType": "review"},
    ],
    ids=lambda terms: " ".join(map(str, terms.values())),
)
def test_an_edit_and_a_refund_go_by_the_rules_of_the_first_state(
    orders: Orders, admin: Api, ann: str, after: Json
) -> None:
    orders.put("A", order_of(5000, userId=ann))
    put_rule(admin, "base", **after)
    put_rule(admin, "new", kind="spend", points=9, perAmount=100, priority=5)
    assert amounts(orders.put("A", order_of(8000, userId=ann))) == [30]
    refund: dict[str, Any] = {"refundId": "r", "amount": 2000}
    assert amounts(orders.put("A", {**order_of(8000, userId=ann), "refunds": [refund]})) == [-20]
    assert net(orders.put("A", {**order_of(8000, userId=ann), "status": "cancelled"})) == 0
    assert net(orders.put("A", order_of(7000, userId=ann, refunds=[]))) == 70
