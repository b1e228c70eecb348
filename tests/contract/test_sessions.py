"""Browser sessions at the API: roles, own data only, CSRF."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.contract.api import BASE, check_conventions, code
from tests.contract.shop import Shop
from tests.factories.accounts import csrf, make_user, sign_in

TIER = {"name": "Silver", "threshold": 5, "benefits": []}


def call(client: FlaskClient, method: str, path: str, **request: Any) -> Any:
    full = path if path.startswith("/api/") else BASE + path
    answer = client.open(full, method=method, **request)
    check_conventions(answer)
    return answer


def token(client: FlaskClient) -> dict[str, str]:
    return {"X-CSRFToken": csrf(client)}


def test_a_member_sees_their_own_whatever_the_header_says(shop: Shop, client: FlaskClient, session: Session) -> None:
    me, other = make_user(session), make_user(session)
    mine, theirs = me.id, other.id
    shop.credit(mine, 5)
    shop.credit(theirs, 7)
    sign_in(client, me)
    answer = call(client, "GET", "/ledger", headers={"X-User-Id": theirs})
    assert [entry["amount"] for entry in answer.get_json()["entries"]] == [5]
    assert call(client, "GET", f"/members/{mine}").status_code == 200
    assert call(client, "GET", f"/members/{theirs}").status_code == 404
    assert call(client, "GET", "/tiers").status_code == 200


def test_a_member_may_do_nothing_of_an_operator(shop: Shop, client: FlaskClient, session: Session) -> None:
    me = make_user(session)
    mine = me.id
    shop.credit(mine, 50)
    made = shop.redeem(mine, points=5)
    sign_in(client, me)
    for method, path, body in (
        ("PUT", "/tiers/silver", TIER),
        ("PUT", "/rewards/mug", {"name": "Mug", "pointsCost": 1}),
        ("PUT", f"/api/v1/users/{mine}", {"email": "me@example.com", "name": "Me"}),
        ("POST", f"/members/{mine}/adjustments", {"points": 5, "reason": "x"}),
        ("POST", f"/members/{mine}/redemptions", {"points": 5, "description": "x"}),
        ("POST", f"/redemptions/{made['id']}/fulfill", None),
        ("POST", f"/redemptions/{made['id']}/fail", {"reason": "x"}),
    ):
        answer = call(client, method, path, json=body, headers=token(client))
        assert code(answer) == (403, "forbidden"), (method, path)


def test_a_member_cancels_only_their_own(shop: Shop, client: FlaskClient, session: Session) -> None:
    me, other = make_user(session), make_user(session)
    mine, theirs = me.id, other.id
    shop.credit(mine, 50)
    shop.credit(theirs, 50)
    own, foreign = shop.redeem(mine, points=5), shop.redeem(theirs, points=5)
    sign_in(client, me)
    body = {"reason": "Changed my mind"}
    path = f"/redemptions/{own['id']}/cancel"
    answer = call(client, "POST", f"/redemptions/{foreign['id']}/cancel", json=body, headers=token(client))
    assert answer.status_code == 404
    answer = call(client, "POST", path, json=body, headers=token(client))
    assert (answer.status_code, answer.get_json()["status"]) == (200, "cancelled")


@pytest.mark.parametrize("role", ["operator", "admin"])
def test_operators_and_admins_use_admin_endpoints(
    shop: Shop, client: FlaskClient, session: Session, ann: str, role: str
) -> None:
    sign_in(client, make_user(session, role=role))
    assert call(client, "PUT", "/tiers/silver", json=TIER, headers=token(client)).status_code in (200, 201)
    body = {"points": 5, "reason": "x"}
    answer = call(client, "POST", f"/members/{ann}/adjustments", json=body, headers=token(client))
    assert answer.status_code == 201
    assert call(client, "GET", f"/members/{ann}").status_code == 200


@pytest.mark.parametrize("headers", [{}, {"X-CSRFToken": "nonsense"}, {"X-CSRFToken": ""}])
def test_an_unsafe_method_of_a_session_needs_the_csrf_token(
    client: FlaskClient, session: Session, ann: str, headers: dict[str, str]
) -> None:
    sign_in(client, make_user(session, role="admin"))
    csrf(client)
    body = {"points": 5, "reason": "x"}
    answer = call(client, "POST", f"/members/{ann}/adjustments", json=body, headers=headers)
    assert code(answer) == (400, "csrf_failed")
    assert code(call(client, "PUT", "/tiers/silver", json=TIER, headers=headers)) == (400, "csrf_failed")


def test_a_token_needs_no_csrf_token_and_wins_over_the_session(
    shop: Shop, client: FlaskClient, session: Session, ann: str
) -> None:
    sign_in(client, make_user(session))
    assert shop.credit(ann, 5)["amount"] == 5
