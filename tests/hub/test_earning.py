"""What the member pages say of earning: the ways to earn, and what the last order brought."""

import re
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.orders import OrderInput, OrderRules, put_order
from portal.platform import clock
from portal.platform.audit import Act
from portal.platform.settings import current_settings
from tests.contract.orders import order_of
from tests.factories.accounts import bearer, make_token, make_user, sign_in
from tests.factories.loyalty import make_member, make_tier

RULES = "/api/v1/loyalty/earning-rules"


@pytest.fixture
def admin(session: Session) -> dict[str, str]:
    return bearer(make_token(session, "admin"))


def put_rule(client: FlaskClient, admin: dict[str, str], slug: str, **terms: Any) -> None:
    assert client.put(f"{RULES}/{slug}", json=terms, headers=admin).status_code in (200, 201)


def tell(session: Session, reference: str, amount: int, **fields: Any) -> None:
    """The shop tells of an order."""
    now = clock.now()
    body = OrderInput.model_validate(order_of(amount, **{"placedAt": now.isoformat(), **fields}))
    put_order(session, reference, body, Act("test", now), OrderRules.of(current_settings()))


def said(page: str, testid: str) -> str:
    """The words of a part of a page."""
    part = re.search(rf'data-testid="{testid}".*?</section>', page, re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", part[0].partition(">")[2]).split()) if part else ""


def test_the_hub_lists_what_brings_this_member_points_now(
    client: FlaskClient, session: Session, admin: dict[str, str]
) -> None:
    make_tier(session, "bronze", 0)
    make_tier(session, "gold", 1000)
    gone = (clock.now() - timedelta(days=1)).isoformat()
    put_rule(client, admin, "treat", name="Birthday treat", kind="birthday", points=100, tiers=["bronze"])
    put_rule(client, admin, "gold", name="Gold week", kind="multiplier", multiplier="2", tiers=["gold"])
    put_rule(client, admin, "over", name="Over", kind="order", points=5, until=gone)
    put_rule(client, admin, "off", name="Off", kind="order", points=5, active=False)
    put_rule(client, admin, "welcome", name="Welcome", kind="sign_up", points=5)
    put_rule(client, admin, "a-first", name="First", kind="first_order", points=150)
    user = make_user(session)
    make_member(session, user)
    sign_in(client, user)
    first, always = "First 150 points for your first order", "Every order 1 point for every €1.00"
    told = said(client.get("/account/loyalty").text, "ways-to-earn")
    assert told == f"Ways to earn {first} {always} Birthday treat 100 points on your birthday"
    tell(session, "S-1", 5000, userId=user.id)
    told = said(client.get("/account/loyalty").text, "ways-to-earn")
    assert told == f"Ways to earn {always} Birthday treat 100 points on your birthday"


def test_a_programme_without_rules_lists_no_ways(client: FlaskClient, session: Session, admin: dict[str, str]) -> None:
    put_rule(client, admin, "base", name="Every order", kind="spend", points=1, perAmount=100, active=False)
    user = make_user(session)
    make_member(session, user)
    sign_in(client, user)
    assert "ways-to-earn" not in client.get("/account/loyalty").text


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "50 points for this order, on your account now."),
        ({"channel": "slow"}, "57 points for this order; 7 of them on "),
        ({"status": "placed"}, "The order has not been paid yet."),
        ({"status": "cancelled"}, "The order was cancelled."),
    ],
)
def test_a_member_sees_what_the_order_brought(
    client: FlaskClient, session: Session, admin: dict[str, str], fields: dict[str, Any], words: str
) -> None:
    put_rule(client, admin, "slow", name="Slow", kind="order", points=7, pendingDays=9, channels=["slow"])
    user = make_user(session)
    tell(session, "S-1", 5000, userId=user.id, **fields)
    sign_in(client, user)
    assert said(client.get("/checkout/success?order=S-1").text, "order-earned").startswith(words)


@pytest.mark.parametrize("reference", ["S-2", "S-NONE", "", "S-T"])
def test_nobody_sees_what_the_orders_of_others_brought(client: FlaskClient, session: Session, reference: str) -> None:
    owner, other = make_user(session), make_user(session)
    tell(session, "S-2", 5000, userId=owner.id)
    tell(session, "S-T", 5000, userId=other.id, test=True)
    visited = client.get(f"/checkout/success?order={reference}").text
    sign_in(client, other)
    for page in (visited, client.get(f"/checkout/success?order={reference}").text):
        assert "order-earned" not in page


def test_a_guest_sees_the_points_that_wait(client: FlaskClient, session: Session) -> None:
    tell(session, "G-1", 5000, email="guest@example.com")
    tell(session, "G-2", 5000, email="guest@example.com", status="cancelled")
    tell(session, "G-3", 5000)
    page = client.get("/checkout/success?order=G-1").text
    assert said(page, "order-earned") == "50 points wait for you. Join with the address you ordered with, to have them."
    for reference in ("G-2", "G-3"):
        assert "order-earned" not in client.get(f"/checkout/success?order={reference}").text
    with clock.shifted(timedelta(days=31)):
        assert "order-earned" not in client.get("/checkout/success?order=G-1").text
