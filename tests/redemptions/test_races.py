"""Races for points and items, over real connections (CONTRACT rules 6 and 8)."""

from collections import Counter
from typing import Any

import pytest

from portal.ledger.verify import find_differences
from portal.platform import clock, ids
from portal.platform.audit import Act
from portal.platform.db import unit_of_work
from portal.platform.web.application import Portal
from portal.redemptions import fulfill_redemption
from portal.rewards.models import Reward
from tests.concurrency import at_once
from tests.factories.accounts import bearer, make_token
from tests.factories.loyalty import make_member, make_reward, request_reward


def post(app: Portal, token: str, path: str, body: dict[str, Any] | None = None) -> Any:
    return app.test_client().post(f"/api/v1/loyalty/{path}", json=body, headers=bearer(token))


def differences(app: Portal) -> list[dict[str, Any]]:
    with app.app_context(), unit_of_work() as session:
        return find_differences(session)


@pytest.fixture
def token(committed_app: Portal) -> str:
    with committed_app.app_context(), unit_of_work() as session:
        return make_token(session, "admin")


def test_of_sixteen_redemptions_of_a_balance_for_one_one_wins(committed_app: Portal, token: str) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        user_id = make_member(session, points=100).user_id
        make_reward(session, "mug", 100)
    answers = at_once(
        committed_app, 16, lambda _: post(committed_app, token, f"members/{user_id}/redemptions", {"rewardSlug": "mug"})
    )
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 15}
    assert {answer.get_json()["code"] for answer in answers if answer.status_code == 409} == {"insufficient_points"}
    assert differences(committed_app) == []


def test_the_last_item_goes_to_one_of_sixteen_members(committed_app: Portal, token: str) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        users = [make_member(session, points=100).user_id for _ in range(16)]
        make_reward(session, "last", 100, inventory=1)
    answers = at_once(
        committed_app,
        16,
        lambda n: post(committed_app, token, f"members/{users[n]}/redemptions", {"rewardSlug": "last"}),
    )
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 15}
    assert {a.get_json()["code"] for a in answers if a.status_code == 409} == {"reward_out_of_stock"}
    with committed_app.app_context(), unit_of_work() as session:
        assert session.query(Reward.taken).scalar() == 1
    assert differences(committed_app) == []


def test_of_racing_fulfil_cancel_and_fail_one_wins(committed_app: Portal, token: str) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        user_id = make_member(session, points=100).user_id
        make_reward(session, "mug", 100, inventory=5)
    redemption = post(committed_app, token, f"members/{user_id}/redemptions", {"rewardSlug": "mug"}).get_json()["id"]
    verbs = ["fulfill", "cancel", "fail"] * 4
    answers = at_once(
        committed_app,
        12,
        lambda n: post(committed_app, token, f"redemptions/{redemption}/{verbs[n]}", {"reason": "race"}),
    )
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 11}
    assert {a.get_json()["code"] for a in answers if a.status_code == 409} == {"redemption_not_pending"}
    assert differences(committed_app) == []


def test_one_key_sent_at_once_takes_effect_once(committed_app: Portal, token: str) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        user_id = make_member(session, points=1000).user_id

    def send(_: int) -> Any:
        return committed_app.test_client().post(
            f"/api/v1/loyalty/members/{user_id}/adjustments",
            json={"points": 5, "reason": "once"},
            headers={**bearer(token), "Idempotency-Key": "k-1"},
        )

    answers = at_once(committed_app, 8, send)
    assert Counter(answer.status_code for answer in answers)[201] >= 1
    assert {a.status_code for a in answers} <= {201, 409}
    assert {a.get_json()["code"] for a in answers if a.status_code == 409} <= {"idempotency_in_flight"}
    assert len({a.get_data() for a in answers if a.status_code == 201}) == 1
    again = send(0)
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")
    member = committed_app.test_client().get(f"/api/v1/loyalty/members/{user_id}", headers=bearer(token)).get_json()
    assert member["balance"] == 1005


def test_members_are_provisioned_once_by_concurrent_first_reads(committed_app: Portal, token: str) -> None:
    from tests.factories.accounts import make_user

    with committed_app.app_context(), unit_of_work() as session:
        user_id = make_user(session).id

    def read(_: int) -> Any:
        return committed_app.test_client().get(f"/api/v1/loyalty/members/{user_id}", headers=bearer(token))

    answers = at_once(committed_app, 12, read)
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.get_json()["referralCode"] for answer in answers}) == 1


def test_of_eight_refunds_one_gives_the_points_back(committed_app: Portal, token: str) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        make_reward(session, "mug", 100, inventory=1)
        made = request_reward(session, make_member(session, points=100), "mug")
        fulfill_redemption(session, made.id, Act("t", clock.now()))
        path = f"redemptions/{ids.encode(made.id)}/refund"
    answers = at_once(committed_app, 8, lambda _: post(committed_app, token, path, {"reason": "Sent back"}))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 7}
    assert {a.get_json()["code"] for a in answers if a.status_code == 409} == {"redemption_already_refunded"}
    assert differences(committed_app) == []
