"""Devices and members that speak at once, over real connections."""

from collections import Counter
from typing import Any

from sqlalchemy import func, select

from portal.ledger.verify import find_differences
from portal.platform.db import unit_of_work
from portal.platform.web.application import Portal
from portal.redemptions.models import Redemption
from tests.concurrency import at_once
from tests.factories.accounts import bearer, make_token
from tests.factories.loyalty import make_member, make_reward


def confirm(app: Portal, token: str, user_id: str, intent: str) -> Any:
    body = {
        "userId": user_id,
        "orderReference": "A-1",
        "action": "confirm",
        "redemption": {"checkoutIntentId": intent, "rewardSlug": "mug"},
    }
    return app.test_client().post("/api/v1/loyalty/checkout/intents", json=body, headers=bearer(token))


def prepare(app: Portal, members: int, points: int) -> tuple[str, list[str]]:
    with app.app_context(), unit_of_work() as session:
        make_reward(session, "mug", 100)
        return make_token(session, "checkout"), [make_member(session, points=points).user_id for _ in range(members)]


def count_redemptions(app: Portal) -> int:
    with app.app_context(), unit_of_work() as session:
        assert find_differences(session) == []
        return session.scalar(select(func.count()).select_from(Redemption)) or 0


def test_sixteen_devices_confirm_once(committed_app: Portal) -> None:
    token, [user_id] = prepare(committed_app, 1, 1000)
    answers = at_once(committed_app, 16, lambda _: confirm(committed_app, token, user_id, "one"))
    assert Counter(answer.status_code for answer in answers) == {200: 16}
    assert len({answer.get_json()["intents"][0]["redemptionId"] for answer in answers}) == 1
    assert count_redemptions(committed_app) == 1


def test_of_eight_members_with_one_id_one_has_it(committed_app: Portal) -> None:
    token, users = prepare(committed_app, 8, 1000)
    answers = at_once(committed_app, 8, lambda n: confirm(committed_app, token, users[n], "one"))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 7}
    assert {a.get_json()["code"] for a in answers if a.status_code == 409} == {"intent_conflict"}
    assert count_redemptions(committed_app) == 1


def test_of_eight_intents_for_the_last_points_one_is_confirmed(committed_app: Portal) -> None:
    token, [user_id] = prepare(committed_app, 1, 199)
    answers = at_once(committed_app, 8, lambda n: confirm(committed_app, token, user_id, f"intent-{n}"))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 7}
    assert {a.get_json()["code"] for a in answers if a.status_code == 409} == {"insufficient_points"}
    assert count_redemptions(committed_app) == 1
