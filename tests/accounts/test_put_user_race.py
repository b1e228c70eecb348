"""PUT /api/v1/users/{user_id}, many at once."""

from collections import Counter
from typing import Any

from sqlalchemy import func, select

from portal.accounts.models import NotificationPreferences, User
from portal.platform.db import unit_of_work
from portal.platform.web.application import Portal
from tests.concurrency import at_once
from tests.factories.accounts import bearer, make_token


def put(app: Portal, token: str, user_id: str, body: dict[str, Any]) -> Any:
    return app.test_client().put(f"/api/v1/users/{user_id}", json=body, headers=bearer(token))


def token_of(app: Portal) -> str:
    with app.app_context(), unit_of_work() as session:
        return make_token(session, "admin")


def test_of_sixteen_calls_for_a_new_user_one_creates(committed_app: Portal) -> None:
    token, body = token_of(committed_app), {"email": "ada@example.com", "name": "Ada"}
    answers = at_once(committed_app, 16, lambda _: put(committed_app, token, "ada", body))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 15}
    with committed_app.app_context(), unit_of_work() as session:
        assert session.scalar(select(func.count()).select_from(User)) == 1
        assert session.scalar(select(func.count()).select_from(NotificationPreferences)) == 1


def test_of_sixteen_users_with_one_address_one_gets_it(committed_app: Portal) -> None:
    token, body = token_of(committed_app), {"email": "ada@example.com", "name": "Ada"}
    answers = at_once(committed_app, 16, lambda n: put(committed_app, token, f"ada-{n}", body))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 15}
    assert {answer.get_json()["code"] for answer in answers if answer.status_code == 409} == {"email_taken"}
