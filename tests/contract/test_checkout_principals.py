"""Who may speak for a checkout: the checkout's service, or the member in their browser."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.contract.api import BASE, check_conventions, code
from tests.contract.conftest import As
from tests.contract.document import Json
from tests.contract.shop import Shop
from tests.contract.till import Till, redemption, share
from tests.factories.accounts import csrf, make_user, sign_in

PATH = "/checkout/intents"


def body(action: str = "plan", **fields: Any) -> Json:
    return {"orderReference": "A-1", "action": action, **redemption(), **fields}


def call(client: FlaskClient, content: Json, headers: dict[str, str] | None = None, path: str = PATH) -> Any:
    answer = client.post(BASE + path, json=content, headers=headers or {})
    check_conventions(answer)
    return answer


def test_the_scopes_checkout_and_admin_may(as_scope: As, shop: Shop, ann: str) -> None:
    shop.credit(ann, 100)
    for number, scope in enumerate(("checkout", "admin")):
        Till(as_scope(scope), ann).confirm(redemption(f"c-{number}"))
    assert shop.points(ann) == (100, 60, 40)


def test_the_scope_member_may_not(as_scope: As, shop: Shop, ann: str) -> None:
    shop.credit(ann, 100)
    answer = as_scope("member", user_id=ann).post(PATH, body("confirm", userId=ann))
    assert code(answer) == (403, "forbidden")
    assert shop.points(ann) == (100, 0, 100)


def test_the_scope_checkout_reads_no_feed_and_resolves_nothing(as_scope: As, ann: str) -> None:
    till = Till(as_scope("checkout"), ann)
    made = till.plan(redemption())
    for path in ("/next-actions", "/nudges", "/nudge-dispatches"):
        assert code(till.api.get(path, headers={"X-User-Id": ann})) == (403, "forbidden")
    assert code(till.resolve(made)) == (403, "forbidden")


def test_without_credentials_nobody_may(client: FlaskClient, ann: str) -> None:
    assert call(client, body(userId=ann)).status_code == 401


def test_a_member_confirms_in_their_own_browser(shop: Shop, client: FlaskClient, session: Session) -> None:
    me = make_user(session)
    mine = me.id
    shop.credit(mine, 100)
    sign_in(client, me)
    headers = {"X-CSRFToken": csrf(client)}
    assert call(client, body("plan"), headers).status_code == 200
    assert call(client, body("confirm", userId=mine), headers).status_code == 200
    assert shop.points(mine) == (100, 30, 70)


def test_a_members_browser_speaks_for_nobody_else(shop: Shop, client: FlaskClient, session: Session, ann: str) -> None:
    shop.credit(ann, 100)
    sign_in(client, make_user(session))
    headers = {"X-CSRFToken": csrf(client), "X-User-Id": ann}
    for action in ("plan", "confirm", "cancel"):
        assert call(client, body(action, userId=ann), headers).status_code in (403, 404)
    assert shop.points(ann) == (100, 0, 100)
    assert Till(shop.api, ann).pending() == []


def test_a_browser_needs_the_csrf_token(shop: Shop, client: FlaskClient, session: Session) -> None:
    me = make_user(session)
    mine = me.id
    made = Till(shop.api, mine).plan(redemption(), share())
    sign_in(client, me)
    assert code(call(client, body("confirm"))) == (400, "csrf_failed")
    assert code(call(client, {"status": "resolved"}, path=f"/next-actions/{made['id']}/resolve")) == (
        400,
        "csrf_failed",
    )
    assert Till(shop.api, mine).pending() == ["c-1", "s-1"]


@pytest.mark.parametrize("action", ["plan", "confirm", "cancel"])
def test_one_key_answers_the_same_bytes(shop: Shop, till: Till, action: str) -> None:
    headers = {"Idempotency-Key": "k-1"}
    content = body(action, userId=till.user_id)
    till.plan(redemption())
    first = till.api.post(PATH, content, headers)
    shop.credit(till.user_id, 5)
    again = till.api.post(PATH, content, headers)
    assert (first.status_code, again.status_code, first.data) == (200, 200, again.data)
    assert again.headers["Idempotent-Replayed"] == "true"
    other = till.api.post(PATH, {**content, "orderReference": "A-2"}, headers)
    assert code(other) == (422, "idempotency_key_reused")


def test_a_refusal_under_a_key_stays_refused(shop: Shop, till: Till) -> None:
    headers = {"Idempotency-Key": "k-1"}
    content = body("confirm", userId=till.user_id, **redemption(points=101))
    first = till.api.post(PATH, content, headers)
    shop.credit(till.user_id, 100)
    again = till.api.post(PATH, content, headers)
    assert (code(first), again.data) == ((409, "insufficient_points"), first.data)
    assert shop.points(till.user_id) == (200, 0, 200)


@pytest.mark.parametrize(("kind", "status"), [("text/plain", 415), ("application/json", 400)])
def test_what_is_no_json_is_refused(till: Till, kind: str, status: int) -> None:
    answer = till.api.send("POST", PATH, data=b"{nonsense", content_type=kind)
    assert answer.status_code == status


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_the_wrong_method_is_405(till: Till, method: str) -> None:
    answer = till.api.client.open(BASE + PATH, method=method, headers=till.api.headers)
    check_conventions(answer)
    assert answer.status_code == 405
