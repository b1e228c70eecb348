"""An Idempotency-Key belongs to the caller and the member that the header or the path names (CONTRACT 1)."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.platform.models import IdempotencyKey
from tests.contract.api import BASE, Api, check_conventions, code
from tests.contract.conftest import As
from tests.contract.document import Json
from tests.contract.shop import Shop
from tests.contract.till import redemption
from tests.factories.accounts import csrf, make_user, sign_in

KEY = {"Idempotency-Key": "k-1"}
PLAN: Json = {"orderReference": "A-1", "action": "plan", **redemption()}


def for_user(user_id: str) -> dict[str, str]:
    return {**KEY, "X-User-Id": user_id}


def fresh_and_again(ask: Any) -> tuple[Any, Any]:
    """The answers to two equal requests: the second is the first's."""
    first, again = ask(), ask()
    assert (again.status_code, again.data) == (first.status_code, first.data)
    assert again.headers.get("Idempotent-Replayed") == "true"
    assert "Idempotent-Replayed" not in first.headers
    return first, again


@pytest.mark.parametrize("scope", ["checkout", "admin"])
def test_a_checkout_for_one_member_is_never_answered_with_anothers(
    as_scope: As, ann: str, ben: str, scope: str
) -> None:
    api = as_scope(scope)
    firsts = [
        fresh_and_again(lambda user=user, n=n: api.post("/checkout/intents", _plan(n), for_user(user)))[0].get_json()
        for n, user in enumerate((ann, ben))
    ]
    assert [len(first["intents"]) for first in firsts] == [1, 1]
    assert firsts[0]["intents"][0]["id"] != firsts[1]["intents"][0]["id"]


def _plan(number: int) -> Json:
    return {**PLAN, **redemption(f"c-{number}")}


def test_the_very_same_body_for_another_member_is_another_request(as_scope: As, ann: str, ben: str) -> None:
    api = as_scope("checkout")
    assert api.post("/checkout/intents", PLAN, for_user(ann)).status_code == 200
    other = api.post("/checkout/intents", PLAN, for_user(ben))
    assert code(other) == (409, "intent_conflict")
    assert "Idempotent-Replayed" not in other.headers


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/members/{}/adjustments", {"points": 10, "reason": "Goodwill"}, 201),
        ("/members/{}/redemptions", {"points": 10, "description": "Seat"}, 201),
        ("/members/{}/referrals", {"channel": "link"}, 201),
    ],
)
def test_a_member_named_in_the_path_has_keys_of_their_own(
    shop: Shop, ann: str, ben: str, path: str, body: Json, status: int
) -> None:
    for user in (ann, ben):
        shop.credit(user, 50)
        first, _ = fresh_and_again(lambda user=user: shop.api.post(path.format(user), body, KEY))
        assert first.status_code == status
        other = shop.api.post(path.format(user), {**body, **_other(body)}, KEY)
        assert code(other) == (422, "idempotency_key_reused")


def _other(body: Json) -> Json:
    return {"points": 11} if "points" in body else {"inviteeName": "Kim"}


def test_a_member_named_in_the_header_has_keys_of_their_own(as_scope: As, ann: str, ben: str) -> None:
    api = as_scope("member")
    codes = set()
    for user in (ann, ben):
        first, _ = fresh_and_again(lambda user=user: api.post("/referrals", {"channel": "link"}, for_user(user)))
        assert first.status_code == 201
        codes.add(first.get_json()["code"])
    assert len(codes) == 2


def test_a_member_named_in_the_body_is_part_of_the_body(as_scope: As, ann: str, ben: str) -> None:
    api = as_scope("checkout")
    assert api.post("/checkout/intents", {**PLAN, "userId": ann}, KEY).status_code == 200
    other = api.post("/checkout/intents", {**PLAN, "userId": ben}, KEY)
    assert code(other) == (422, "idempotency_key_reused")


def test_a_session_is_not_led_by_the_header(client: FlaskClient, session: Session, ben: str) -> None:
    sign_in(client, make_user(session))
    answers = []
    for headers in (KEY, for_user(ben)):
        answer = client.post(f"{BASE}/referrals", json={"channel": "link"}, headers={**headers, **_csrf(client)})
        check_conventions(answer)
        answers.append(answer)
    assert answers[0].data == answers[1].data
    assert answers[1].headers["Idempotent-Replayed"] == "true"


def _csrf(client: FlaskClient) -> dict[str, str]:
    return {"X-CSRFToken": csrf(client)}


def kept(session: Session) -> int:
    return int(session.scalar(select(func.count()).select_from(IdempotencyKey)) or 0)


@pytest.mark.parametrize(
    ("path", "wrong", "right"),
    [
        (
            "/admin/members/{}/adjust",
            {"points": "ten", "reason": "x"},
            {"points": "10", "expiry": "rule", "description": "Gift", "reason": "x"},
        ),
        ("/admin/members/{}/suspend", {"reason": ""}, {"reason": "They asked for it"}),
        (
            "/admin/messages/suppressions/add",
            {"channel": "email", "address": "nonsense", "reason": "x"},
            {"channel": "email", "address": "kim@example.com", "reason": "x"},
        ),
    ],
)
def test_a_refused_form_stores_nothing_and_may_be_corrected(
    client: FlaskClient, session: Session, shop: Shop, ann: str, path: str, wrong: Json, right: Json
) -> None:
    shop.member(ann)
    sign_in(client, make_user(session, role="admin"))
    before, form = kept(session), {"csrf_token": csrf(client), "idempotency_key": "form-1"}
    for _ in range(2):
        refused = client.post(path.format(ann), data={**form, **wrong})
        assert 400 <= refused.status_code < 500
        assert kept(session) == before
    done = client.post(path.format(ann), data={**form, **right})
    assert done.status_code == 303, done.text
    assert kept(session) == before + 1
    again = client.post(path.format(ann), data={**form, **right})
    assert again.headers["Idempotent-Replayed"] == "true"


def test_a_refusal_of_the_api_is_stored(session: Session, shop: Shop, ann: str) -> None:
    before = kept(session)
    refused = shop.api.post(f"/members/{ann}/redemptions", {"points": 10, "description": "Seat"}, KEY)
    assert (code(refused), kept(session) - before) == ((409, "insufficient_points"), 1)


@pytest.mark.parametrize(
    "body",
    [
        b'{"points": 10, "points": 1000, "reason": "x"}',
        b'{"points": 10, "reason": "x", "metadata": {"a": 1, "a": 2}}',
        b'{"points": 10, "reason": "x", "metadata": {"deep": [{"a": {"b": 1, "c": 2, "b": 1}}]}}',
        b'{"points": 10, "reason": "x", "reas\\u006fn": "y"}',
        b'{"points": 10, "points": 10, "reason": "x"}',
        b'{"points": NaN, "reason": "x"}',
        b'{"points": 10, "reason": "x", "metadata": {"a": Infinity}}',
        b'{"points": 10, "reason": "x", "metadata": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"points": 10, "reason": "x", "metadata": {"a":' + b'{"a":' * 1000 + b"1" + b"}" * 1000 + b"}}",
    ],
    ids=range(9),
)
def test_a_body_that_two_readers_could_take_for_two_requests_is_400(shop: Shop, ann: str, body: bytes) -> None:
    answer = shop.api.send("POST", f"/members/{ann}/adjustments", data=body, content_type="application/json")
    assert answer.status_code in (400, 422)
    assert answer.status_code == 400 or b'"a":{"a"' in body.replace(b" ", b"")
    assert shop.points(ann) == (0, 0, 0)


@pytest.mark.parametrize("metadata", [{"a": {"a": [{"a": 1}, {"a": 2}]}}, {"big": 10**18, "small": 1.5e-9, "t": '":'}])
def test_equal_keys_of_different_objects_are_fine(admin: Api, ann: str, metadata: Json) -> None:
    body = {"points": 10, "reason": "x", "metadata": metadata}
    assert admin.post(f"/members/{ann}/adjustments", body).get_json()["metadata"] == metadata
