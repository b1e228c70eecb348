"""POST /members/{user_id}/redemptions."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories.accounts import bearer, make_token
from tests.factories.loyalty import make_member, make_reward, make_tier


def create(client: FlaskClient, token: str, user_id: str, body: Any) -> Any:
    return client.post(f"/api/v1/loyalty/members/{user_id}/redemptions", json=body, headers=bearer(token))


@pytest.fixture
def token(session: Session) -> str:
    return make_token(session, "checkout")


def test_points_are_held_and_the_balance_stays(client: FlaskClient, session: Session, token: str) -> None:
    member = make_member(session, points=150)
    make_reward(session, "mug", 100, inventory=2)
    answer = create(client, token, member.user_id, {"rewardSlug": "mug"})
    document = answer.get_json()
    assert answer.status_code == 201
    assert (document["status"], document["pointsCost"], document["rewardSlug"]) == ("requested", 100, "mug")
    assert document["holdExpiresAt"]
    assert document["ledgerEntryId"] is None
    shown = client.get(
        f"/api/v1/loyalty/members/{member.user_id}", headers=bearer(make_token(session, "admin"))
    ).get_json()
    assert (shown["balance"], shown["held"], shown["available"]) == (150, 100, 50)
    assert shown["holds"][0]["redemptionId"] == document["id"]


def test_a_custom_amount_needs_a_description(client: FlaskClient, session: Session, token: str) -> None:
    member = make_member(session, points=150)
    assert create(client, token, member.user_id, {"points": 20, "description": "Workshop"}).status_code == 201
    for body in ({"points": 20}, {}, {"rewardSlug": "mug", "points": 5}, {"points": 0, "description": "x"}):
        answer = create(client, token, member.user_id, body)
        assert (answer.status_code, answer.get_json()["code"]) == (422, "validation_failed"), body


def test_refusals_have_their_codes(client: FlaskClient, session: Session, token: str) -> None:
    member = make_member(session, points=150)
    make_tier(session, "gold", 1000)
    make_reward(session, "dear", 151)
    make_reward(session, "gone", 10, inventory=0)
    make_reward(session, "golden", 10, min_tier="gold")
    make_reward(session, "once", 10, per_member_limit=1)
    make_reward(session, "hidden", 10, active=False)
    expected = [
        ("dear", 409, "insufficient_points"),
        ("gone", 409, "reward_out_of_stock"),
        ("golden", 403, "tier_required"),
        ("hidden", 404, "reward_not_found"),
        ("unheard-of", 404, "reward_not_found"),
    ]
    for slug, status, code in expected:
        answer = create(client, token, member.user_id, {"rewardSlug": slug})
        assert (answer.status_code, answer.get_json()["code"]) == (status, code), slug
    assert create(client, token, member.user_id, {"rewardSlug": "once"}).status_code == 201
    answer = create(client, token, member.user_id, {"rewardSlug": "once"})
    assert (answer.status_code, answer.get_json()["code"]) == (409, "reward_limit_reached")


def test_too_few_points_says_how_many_and_takes_no_item(client: FlaskClient, session: Session, token: str) -> None:
    member = make_member(session, points=10)
    make_reward(session, "mug", 100, inventory=1)
    answer = create(client, token, member.user_id, {"rewardSlug": "mug"}).get_json()
    assert (answer["available"], answer["required"]) == (10, 100)
    rewards = client.get("/api/v1/loyalty/rewards", headers=bearer(token)).get_json()["rewards"]
    assert rewards[0]["inventoryRemaining"] == 1


def test_an_unknown_user_is_not_found(client: FlaskClient, token: str) -> None:
    answer = create(client, token, "nobody", {"points": 1, "description": "x"})
    assert (answer.status_code, answer.get_json()["code"]) == (404, "user_not_found")


def test_scope_member_may_not_create(client: FlaskClient, session: Session) -> None:
    member = make_member(session, points=10)
    answer = create(client, make_token(session, "member"), member.user_id, {"points": 1, "description": "x"})
    assert (answer.status_code, answer.get_json()["code"]) == (403, "forbidden")
