"""Which scope may call what (CONTRACT 2)."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.platform import clock
from tests.contract.api import Api, code
from tests.contract.conftest import As
from tests.contract.document import Document
from tests.contract.shop import Shop
from tests.factories.accounts import make_token

FORBIDDEN = (403, "forbidden")
REWARD = {"name": "Mug", "description": "", "pointsCost": 5}
USER = {"email": "new@example.com", "name": "New"}


@pytest.mark.parametrize("scope", ["member", "checkout", "orders", "admin"])
def test_any_principal_reads_the_catalogue(as_scope: As, scope: str) -> None:
    api = as_scope(scope)
    assert api.get("/tiers").status_code == 200
    assert api.get("/rewards").status_code == 200
    assert api.get("/referrals/segments").status_code == 200
    assert api.get("/ways-to-earn").status_code == 200


@pytest.mark.parametrize("scope", ["member", "checkout", "orders"])
def test_admin_endpoints_are_forbidden_to_other_scopes(as_scope: As, shop: Shop, ann: str, scope: str) -> None:
    shop.credit(ann, 100)
    made = shop.redeem(ann, points=10)
    api = as_scope(scope, user_id=ann)
    assert code(api.put("/tiers/silver", {"name": "Silver", "threshold": 5})) == FORBIDDEN
    assert code(api.put("/rewards/mug", REWARD)) == FORBIDDEN
    assert code(api.get(f"/api/v1/users/{ann}")) == FORBIDDEN
    assert code(api.post(f"/members/{ann}/adjustments", {"points": 5, "reason": "x"})) == FORBIDDEN
    assert code(api.post(f"/redemptions/{made['id']}/fulfill")) == FORBIDDEN
    assert code(api.post(f"/redemptions/{made['id']}/fail", {"reason": "x"})) == FORBIDDEN
    assert shop.points(ann) == (100, 10, 90)


def test_checkout_creates_redemptions_and_does_no_more(as_scope: As, shop: Shop, ann: str) -> None:
    shop.credit(ann, 100)
    api = as_scope("checkout", user_id=ann)
    made = api.post(f"/members/{ann}/redemptions", {"points": 10, "description": "Seat"})
    assert made.status_code == 201
    assert code(api.get("/ledger")) == FORBIDDEN
    assert code(api.get("/redemptions")) == FORBIDDEN
    assert code(api.get(f"/members/{ann}")) == FORBIDDEN
    assert code(api.post(f"/redemptions/{made.get_json()['id']}/cancel", {"reason": "x"})) == FORBIDDEN


@pytest.mark.parametrize("scope", ["member", "checkout"])
def test_other_scopes_tell_of_no_users(as_scope: As, ann: str, scope: str) -> None:
    assert code(as_scope(scope, user_id=ann).put("/api/v1/users/new", USER)) == FORBIDDEN


def test_orders_tells_of_users_and_does_no_more(as_scope: As, shop: Shop, ann: str) -> None:
    shop.credit(ann, 100)
    made = shop.redeem(ann, points=10)
    api = as_scope("orders", user_id=ann)
    assert api.put("/api/v1/users/new", USER).status_code == 201
    assert api.put("/api/v1/users/new", {**USER, "name": "Newton"}).get_json()["name"] == "Newton"
    for path in ("/ledger", "/redemptions", "/referrals", "/nudges", "/next-actions", f"/members/{ann}"):
        assert code(api.get(path)) == FORBIDDEN
    assert code(api.get("/api/v1/users", {"email": USER["email"]})) == FORBIDDEN
    assert code(api.post(f"/members/{ann}/redemptions", {"points": 10, "description": "Seat"})) == FORBIDDEN
    assert code(api.post(f"/redemptions/{made['id']}/cancel", {"reason": "x"})) == FORBIDDEN
    assert code(api.post("/referrals", {"channel": "link"})) == FORBIDDEN
    assert code(api.post("/referrals/complete", {"code": "X", "refereeUserId": ann})) == FORBIDDEN
    intent = {"userId": ann, "orderReference": "A1", "action": "plan", "referralShare": {"checkoutIntentId": "c1"}}
    assert code(api.post("/checkout/intents", intent)) == FORBIDDEN
    assert shop.points(ann) == (100, 10, 90)


def test_orders_learns_nothing_of_the_member_it_names(as_scope: As, shop: Shop, ann: str) -> None:
    shop.credit(ann, 100)
    assert as_scope("member", user_id=ann).post("/referrals", {"channel": "link"}).status_code == 201
    assert as_scope("member", user_id=ann).get("/referrals/segments").get_json()["mySegment"] == "active"
    assert as_scope("orders", user_id=ann).get("/referrals/segments").get_json()["mySegment"] is None


def test_a_member_service_creates_no_redemptions(as_scope: As, shop: Shop, ann: str) -> None:
    shop.credit(ann, 100)
    answer = as_scope("member", user_id=ann).post(f"/members/{ann}/redemptions", {"points": 10, "description": "Seat"})
    assert code(answer) == FORBIDDEN


def test_admin_acts_on_member_endpoints_too(shop: Shop, ann: str) -> None:
    shop.credit(ann, 100)
    headers = {"X-User-Id": ann}
    assert shop.api.get("/ledger", headers=headers).status_code == 200
    assert shop.api.get("/redemptions", headers=headers).status_code == 200


def test_two_scopes_add_up(as_scope: As, shop: Shop, ann: str) -> None:
    shop.credit(ann, 100)
    api = as_scope("member", "checkout", user_id=ann)
    assert api.post(f"/members/{ann}/redemptions", {"points": 10, "description": "Seat"}).status_code == 201
    assert api.get("/ledger").status_code == 200
    both = as_scope("checkout", "orders")
    assert both.put("/api/v1/users/new", USER).status_code == 201
    assert both.post(f"/members/{ann}/redemptions", {"points": 10, "description": "Seat"}).status_code == 201


def test_a_revoked_or_expired_token_is_401(client: FlaskClient, document: Document, session: Session) -> None:
    now = clock.now()
    for fields in ({"revoked_at": now}, {"expires_at": now - timedelta(seconds=1)}):
        assert Api(client, document, make_token(session, "admin", **fields)).get("/tiers").status_code == 401
    later = make_token(session, "admin", expires_at=now + timedelta(hours=1))
    assert Api(client, document, later).get("/tiers").status_code == 200
