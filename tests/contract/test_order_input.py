"""Orders and carts that cannot be taken: each is refused by the name of what is wrong, and nothing is stored."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.accounts.models import User
from tests.contract.api import Api, code
from tests.contract.document import Json
from tests.contract.orders import Orders, line, net, order_of, put_rule
from tests.contract.shop import Shop
from tests.factories.accounts import csrf, make_user, sign_in
from tests.factories.loyalty import make_tier

TABLES = ("loyalty_orders", "loyalty_order_states", "loyalty_ledger_entries", "loyalty_earning_grants")
HUGE = 10**30
MOST = 1_000_000_000


def rows(session: Session) -> list[int]:
    return [session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() for table in TABLES]


def first(**changes: Any) -> Json:
    """An order whose first line has these changes."""
    return {"lines": [{**line(1000), **changes}]}


def refund(**fields: Any) -> Json:
    return {"refunds": [{"refundId": "r", **fields}]}


CARTS: list[tuple[Json, str]] = [
    ({"customerName": "Ann"}, "customerName"),
    ({"shippingAddress": {"street": "1"}}, "shippingAddress"),
    (first(phone="1"), "lines.0.phone"),
    ({"lines": []}, "lines"),
    ({"lines": [line(1, str(n)) for n in range(501)]}, "lines"),
    ({"lines": [line(1, "1"), line(2, "1")]}, "lines"),
    ({"lines": {}}, "lines"),
    ({"lines": None}, "lines"),
    (first(amount=-1), "lines.0.amount"),
    (first(amount=10.5), "lines.0.amount"),
    (first(amount=10.0), "lines.0.amount"),
    (first(amount="10"), "lines.0.amount"),
    (first(amount=True), "lines.0.amount"),
    (first(amount=None), "lines.0.amount"),
    (first(amount=HUGE), "lines.0.amount"),
    (first(amount=MOST + 1), "lines.0.amount"),
    (first(discount=1001), "lines.0.discount"),
    (first(discount=-1), "lines.0.discount"),
    (first(tax=-1), "lines.0.tax"),
    (first(quantity=0), "lines.0.quantity"),
    (first(quantity=1.5), "lines.0.quantity"),
    (first(quantity=HUGE), "lines.0.quantity"),
    (first(kind="donation"), "lines.0.kind"),
    (first(lineId="a b"), "lines.0.lineId"),
    (first(lineId="A" * 129), "lines.0.lineId"),
    (first(lineId=""), "lines.0.lineId"),
    (first(lineId=1), "lines.0.lineId"),
    (first(sku="a\x00b"), "lines.0.sku"),
    (first(categories=["x"] * 51), "lines.0.categories"),
    ({"discount": -1}, "discount"),
    ({"discount": 1.0}, "discount"),
    ({"currency": "EURO"}, "currency"),
    ({"currency": "eur"}, "currency"),
    ({"currency": "QQQ"}, "currency"),
    ({"currency": None}, "currency"),
    ({"exchangeRate": "0"}, "exchangeRate"),
    ({"exchangeRate": "0.000"}, "exchangeRate"),
    ({"exchangeRate": "-1"}, "exchangeRate"),
    ({"exchangeRate": "1e3"}, "exchangeRate"),
    ({"exchangeRate": "NaN"}, "exchangeRate"),
    ({"exchangeRate": "1/3"}, "exchangeRate"),
    ({"exchangeRate": "٣"}, "exchangeRate"),
    ({"exchangeRate": 0.92}, "exchangeRate"),
    ({"tenders": [{"kind": "cash", "amount": 1}]}, "tenders.0.kind"),
    ({"tenders": [{"kind": "points", "amount": -1}]}, "tenders.0.amount"),
    ({"tenders": [{"kind": "points"}]}, "tenders.0.amount"),
    ({"userId": ""}, "userId"),
    ({"userId": "x" * 65}, "userId"),
    ({"email": "a\x00@example.com"}, "email"),
    ({"channel": ""}, "channel"),
    ({"taxIncluded": "perhaps"}, "taxIncluded"),
]
ORDERS: list[tuple[Json, str]] = [
    ({"status": "shipped"}, "status"),
    ({"status": None}, "status"),
    ({"placedAt": "2026-11-20T10:00:00"}, "placedAt"),
    ({"placedAt": "yesterday"}, "placedAt"),
    ({"placedAt": 1_700_000_000}, "placedAt"),
    ({"placedAt": "0001-01-01T00:00:00+14:00"}, "placedAt"),
    ({"placedAt": None}, "placedAt"),
    ({"updatedAt": "2026-11-20T10:00:00"}, "updatedAt"),
    ({"paidAt": "2026-11-20"}, "paidAt"),
    ({"fulfilledAt": "2026-13-20T10:00:00Z"}, "fulfilledAt"),
    (refund(), "refunds.0"),
    (refund(lines=[]), "refunds.0"),
    (refund(reason="Too small"), "refunds.0"),
    (refund(amount=-1), "refunds.0.amount"),
    (refund(amount=1.5), "refunds.0.amount"),
    (refund(amount=HUGE), "refunds.0.amount"),
    (refund(amount=1, kind="gift"), "refunds.0.kind"),
    (refund(amount=1, restore="yes"), "refunds.0.restore"),
    (refund(amount=1, refundedAt="2026-11-20T10:00:00"), "refunds.0.refundedAt"),
    (refund(lines=[{"lineId": "9"}]), "refunds"),
    (refund(lines=[{"lineId": "1", "quantity": 0}]), "refunds.0.lines.0.quantity"),
    (refund(lines=[{"lineId": "1", "amount": -1}]), "refunds.0.lines.0.amount"),
    (refund(lines=[{"quantity": 1}]), "refunds.0.lines.0.lineId"),
    ({"refunds": [{"amount": 1}]}, "refunds.0.refundId"),
    ({"refunds": [{"refundId": "a/b", "amount": 1}]}, "refunds.0.refundId"),
    ({"refunds": [{"refundId": "r", "amount": 1}, {"refundId": "r", "amount": 2}]}, "refunds"),
    ({"referralCode": "x" * 65}, "referralCode"),
    ({"orderReference": "B"}, "orderReference"),
]


def refused(answer: Any) -> list[str]:
    """The fields of a 422, whose list is not empty and whose messages are words."""
    assert code(answer) == (422, "validation_failed"), answer.get_data(as_text=True)
    errors = answer.get_json()["errors"]
    assert all(error["message"].strip() for error in errors)
    return [error["field"] for error in errors]


@pytest.mark.parametrize(("change", "field"), [*CARTS, *ORDERS], ids=lambda value: str(value)[:50])
def test_an_order_is_refused_by_the_name_of_what_is_wrong(
    orders: Orders, ann: str, session: Session, change: Json, field: str
) -> None:
    before = rows(session)
    assert field in refused(orders.send("A", {**order_of(1000, userId=ann), **change}))
    assert rows(session) == before
    assert code(orders.api.get("/orders/A")) == (404, "order_not_found")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        *CARTS,
        ({"status": "paid"}, "status"),
        ({"placedAt": "2026-11-20T10:00:00Z"}, "placedAt"),
        (refund(amount=1), "refunds"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_a_cart_is_refused_by_the_name_of_what_is_wrong(orders: Orders, change: Json, field: str) -> None:
    assert field in refused(orders.api.post("/orders/quote", {"currency": "EUR", "lines": [line(1000)], **change}))


@pytest.mark.parametrize("body", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_numbers_that_are_none_are_no_amounts(orders: Orders, body: str) -> None:
    raw = f'{{"currency": "EUR", "lines": [{{"lineId": "1", "amount": {body}}}]}}'
    answer = orders.api.send("POST", "/orders/quote", data=raw, content_type="application/json")
    assert answer.status_code in (400, 422)


def test_the_largest_order_is_taken_and_a_larger_one_refused(orders: Orders, admin: Api, ann: str) -> None:
    put_rule(admin, "base", kind="spend", points=1, perAmount=1000)
    lines = [line(MOST, str(n)) for n in range(500)]
    assert net(orders.put("A", order_of(*lines, userId=ann))) == 500_000_000
    put_rule(admin, "base", kind="spend", points=3, perAmount=1000)
    assert refused(orders.send("B", order_of(*lines, userId=ann))) == ["lines"]
    dear = order_of(*lines, userId=ann, currency="JPY", exchangeRate="999999999.999999999")
    assert refused(orders.send("C", dear)) == ["lines"]
    cart = {name: value for name, value in dear.items() if name not in ("status", "placedAt")}
    assert refused(orders.api.post("/orders/quote", cart)) == ["lines"]


@pytest.mark.parametrize(
    ("path", "stored"),
    [
        ("%23A%401%3Ab", "#A@1:b"),
        ("%2E%2E", ".."),
        ("A" * 128, "A" * 128),
        ("quote", "quote"),
        ("-", "-"),
        ("a.b_c:d@e-f", "a.b_c:d@e-f"),
    ],
)
def test_references_keep_their_characters(orders: Orders, ann: str, path: str, stored: str) -> None:
    assert orders.put(path, order_of(1000, userId=ann))["order"]["orderReference"] == stored
    assert orders.get(path)["orderReference"] == stored
    assert [entry["metadata"]["order_reference"] for entry in orders.put(path, order_of(2000, userId=ann))["entries"]]


@pytest.mark.parametrize("path", ["A" * 129, "a%20b", "a%0Ab", "%C3%A4", "a%2Cb", "a%3Fb", "a%25b", "a%22"])
def test_other_references_are_refused(orders: Orders, ann: str, session: Session, path: str) -> None:
    before = rows(session)
    assert refused(orders.send(path, order_of(1000, userId=ann))) == ["orderReference"]
    assert rows(session) == before


@pytest.mark.parametrize("path", ["a%2Fb", "a/b", "a%00"])
def test_paths_that_are_no_reference_are_not_found(orders: Orders, ann: str, path: str) -> None:
    assert orders.send(path, order_of(1000, userId=ann)).status_code == 404


def test_unknown_users_are_not_found(orders: Orders, session: Session) -> None:
    before = rows(session)
    assert code(orders.send("A", order_of(1000, userId="nobody"))) == (404, "user_not_found")
    cart = {"currency": "EUR", "lines": [line(1000)], "userId": "nobody"}
    assert code(orders.api.post("/orders/quote", cart)) == (404, "user_not_found")
    assert rows(session) == before


def test_a_user_goes_before_an_address(orders: Orders, ann: str, ben: str, session: Session) -> None:
    address = session.get_one(User, ben).email
    assert orders.put("A", order_of(1000, userId=ann, email=address))["order"]["userId"] == ann


def test_an_address_is_its_holders_whatever_its_case(orders: Orders, ann: str, session: Session) -> None:
    address = session.get_one(User, ann).email
    body = order_of(1000, email=f" {address.upper()} ")
    assert orders.put("A", body)["order"]["userId"] == ann
    assert net(orders.put("A", order_of(2000, email=address))) == 20


def test_an_address_that_nobody_has_verified_is_nobodys(orders: Orders, session: Session) -> None:
    user = make_user(session, email="new@example.com", email_verified_at=None)
    answer = orders.put("A", order_of(1000, email="new@example.com"))
    assert (answer["order"]["userId"], net(answer)) == (None, 0)
    assert [reason["code"] for reason in answer["order"]["reasons"]] == ["no_member"]
    kept = session.execute(text("SELECT (o.*)::text FROM loyalty_orders o")).scalar_one()
    assert "new@example.com" not in kept
    assert user.id not in kept
    assert [reason["code"] for reason in orders.quote(order_of(1000, email="new@example.com"))["reasons"]] == [
        "no_member"
    ]


def test_a_quote_is_given_once_for_a_key(orders: Orders, ann: str, shop: Shop) -> None:
    """The stored answer, though the member has other points by then; another cart under the key is refused."""
    cart = {"currency": "EUR", "lines": [line(1000)], "userId": ann}
    key = {"Idempotency-Key": "cart-1"}
    once = orders.api.post("/orders/quote", cart, key)
    orders.api.put("/orders/A", order_of(1000, userId=ann))
    again = orders.api.post("/orders/quote", cart, key)
    assert (again.data, again.headers["Idempotent-Replayed"]) == (once.data, "true")
    other = orders.api.post("/orders/quote", {**cart, "discount": 1}, key)
    assert code(other) == (422, "idempotency_key_reused")


def test_a_member_is_quoted_for_nobody_else(
    client: FlaskClient, session: Session, ann: str, ben: str, shop: Shop
) -> None:
    """Neither by id nor by address, whose answer would tell whether somebody has it, and their tier."""
    benefit = {"kind": "earn_multiplier", "label": "More", "value": "2"}
    make_tier(session, "gold", 0, benefits=[benefit])
    shop.member(ben)
    sign_in(client, session.get_one(User, ann))
    headers = {"X-CSRFToken": csrf(client)}
    cart = {"currency": "EUR", "lines": [line(1000)]}
    answers = [
        client.post("/api/v1/loyalty/orders/quote", json={**cart, **named}, headers=headers)
        for named in ({"userId": ben}, {"email": session.get_one(User, ben).email}, {"email": "nobody@example.com"})
    ]
    assert [code(answer) for answer in answers] == [(404, "user_not_found"), *[(422, "validation_failed")] * 2]
    assert answers[1].get_json()["errors"] == answers[2].get_json()["errors"]
    own = client.post("/api/v1/loyalty/orders/quote", json={**cart, "userId": ann}, headers=headers)
    assert own.get_json()["points"] in (10, 20)


def test_a_suspended_member_is_quoted_with_the_reason(orders: Orders, ann: str, shop: Shop, session: Session) -> None:
    shop.member(ann)
    session.execute(text("UPDATE loyalty_members SET status = 'suspended'"))
    quote = orders.quote(order_of(1000, userId=ann))
    assert (quote["points"], [reason["code"] for reason in quote["reasons"]]) == (10, ["member_suspended"])
    posted = orders.put("A", order_of(1000, userId=ann))["order"]
    assert [reason["code"] for reason in posted["reasons"]] == ["member_suspended"]
