"""Each entry of an order explains itself by the state it was posted by (CONTRACT-EARNING 8.6)."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.contract.orders import line, order_of
from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.loyalty import make_member, make_tier

API = "/api/v1/loyalty"


@pytest.fixture
def admin(session: Session) -> dict[str, str]:
    return bearer(make_token(session, "admin"))


@pytest.fixture
def ann(session: Session) -> str:
    """Ann is Gold, which multiplies what she earns."""
    multiplier = {"kind": "earn_multiplier", "label": "More points", "value": "1.5"}
    make_tier(session, "gold", 0, benefits=[multiplier])
    user = make_user(session, id="ann")
    make_member(session, user)
    return user.id


def put(client: FlaskClient, admin: dict[str, str], reference: str, body: Any) -> Any:
    answer = client.put(f"{API}/orders/{reference}", json=body, headers=admin)
    assert answer.status_code in (200, 201), answer.text
    return answer.json


def explain(client: FlaskClient, admin: dict[str, str], entry: Any) -> Any:
    answer = client.get(f"{API}/ledger/{entry['id']}", headers=admin)
    assert answer.status_code == 200, answer.text
    return answer.json["explanation"]


def test_an_order_says_what_counted_and_what_multiplied(client: FlaskClient, admin: dict[str, str], ann: str) -> None:
    body = order_of(3240, line(495, "post", kind="shipping"), userId=ann)
    entry = put(client, admin, "A-1", body)["entries"][0]
    told = explain(client, admin, entry)
    wanted = "48 points: 1 for every €1.00 of €32.40, times 1.5 because you are Gold; shipping earns nothing."
    assert told["sentence"].startswith(wanted)
    assert told["sentence"].removeprefix(wanted).startswith(" Good until ")
    assert told["rule"] == {"slug": "base", "version": 1, "name": "Every order"}
    excluded = [{"what": "shipping", "amount": 495}]
    assert told["basis"] == {"amount": 3240, "currency": "EUR", "excluded": excluded}
    assert (told["multiplier"], told["cap"], told["order"]) == ("1.5", None, "A-1")
    assert [(lot["openedBy"], lot["points"]) for lot in told["lots"]] == [("Order A-1", 48)]


def test_later_entries_say_what_the_order_earns_now(client: FlaskClient, admin: dict[str, str], ann: str) -> None:
    put(client, admin, "A-2", order_of(4000, userId=ann))
    more = put(client, admin, "A-2", order_of(6000, userId=ann))["entries"][0]
    body = order_of(6000, userId=ann, refunds=[{"refundId": "r", "amount": 2000}])
    less = put(client, admin, "A-2", body)["entries"][0]
    none = put(client, admin, "A-2", {**body, "status": "cancelled"})["entries"][0]
    sentences = [explain(client, admin, entry)["sentence"] for entry in (more, less, none)]
    assert sentences[0].startswith("30 points more, because order A-2 was changed. It earns 90 points: 1 for every")
    back = "points taken back, because order A-2 was changed or refunded."
    assert sentences[1].startswith(f"30 {back} It earns 60 points: 1 for every")
    assert sentences[2] == f"60 {back} It earns nothing any more."
