"""Who reads dispatches and changes campaigns."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.contract.api import BASE, check_conventions, code
from tests.contract.conftest import As
from tests.factories.accounts import csrf, make_user, sign_in

CAMPAIGN = {
    "signal": "referral_share",
    "ttlHours": 5,
    "frequencyCapHours": 24,
    "priority": 7,
    "channels": ["email"],
    "active": False,
}


@pytest.mark.parametrize("scope", ["member", "checkout", "orders"])
def test_other_scopes_read_no_dispatches(as_scope: As, ann: str, scope: str) -> None:
    assert code(as_scope(scope, user_id=ann).get("/nudge-dispatches")) == (403, "forbidden")


@pytest.mark.parametrize(("role", "reads"), [("member", 403), ("operator", 200), ("admin", 200)])
def test_staff_read_dispatches_in_their_browser(client: FlaskClient, session: Session, role: str, reads: int) -> None:
    sign_in(client, make_user(session, role=role))
    answer = client.get(BASE + "/nudge-dispatches")
    check_conventions(answer)
    assert answer.status_code == reads


@pytest.mark.parametrize(("role", "writes"), [("member", 403), ("operator", 201), ("admin", 201)])
def test_staff_change_campaigns_in_their_browser(client: FlaskClient, session: Session, role: str, writes: int) -> None:
    sign_in(client, make_user(session, role=role))
    path = BASE + "/nudge-campaigns/spring"
    assert code(client.put(path, json=CAMPAIGN)) == (400, "csrf_failed")
    assert client.put(path, json=CAMPAIGN, headers={"X-CSRFToken": csrf(client)}).status_code == writes


def test_without_credentials_nothing_is_read(client: FlaskClient) -> None:
    for path in ("/nudge-dispatches", "/nudges", "/next-actions"):
        answer = client.get(BASE + path)
        check_conventions(answer)
        assert answer.status_code == 401
