"""POST /members/{user_id}/referrals."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.referrals.models import ReferralInvite
from tests.factories.accounts import bearer, make_token, make_user

BODY = {"channel": "email", "inviteeEmail": "grace@example.org", "metadata": {"campaign_id": "spring"}}


@pytest.fixture
def token(session: Session) -> str:
    return make_token(session, "admin")


def issue(client: FlaskClient, token: str, user_id: str, body: Any) -> Any:
    return client.post(f"/api/v1/loyalty/members/{user_id}/referrals", json=body, headers=bearer(token))


def test_invites_are_issued_beyond_quota_and_pace_with_their_metadata(
    client: FlaskClient, session: Session, token: str
) -> None:
    user = make_user(session)
    bodies = [{**BODY, "inviteeEmail": f"grace{number}@example.org"} for number in range(12)]
    answers = [issue(client, token, user.id, body) for body in bodies]
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.get_json()["code"] for answer in answers}) == 12
    assert {row[0]["campaign_id"] for row in session.query(ReferralInvite.invite_metadata)} == {"spring"}
    sent = session.scalar(text("SELECT count(*) FROM outbox WHERE topic = 'message.referral_invite'"))
    assert sent == 12


def test_it_is_written_to_the_audit_log_without_personal_data(
    client: FlaskClient, session: Session, token: str
) -> None:
    issue(client, token, make_user(session).id, BODY)
    line = session.execute(text("SELECT actor, after FROM audit_log WHERE action = 'referral.issue'")).one()
    assert line[0].startswith("token:")
    assert "grace" not in str(line[1])


def test_an_issued_invite_starts_no_pause_for_the_member(client: FlaskClient, session: Session, token: str) -> None:
    user = make_user(session)
    issue(client, token, user.id, BODY)
    answer = client.post("/api/v1/loyalty/referrals", json={"channel": "link"}, headers=bearer(token, user.id))
    assert answer.status_code == 201


def test_the_rest_is_as_for_members(client: FlaskClient, session: Session, token: str) -> None:
    user = make_user(session, email="ada@example.com")
    own = issue(client, token, user.id, {"channel": "email", "inviteeEmail": "Ada+1@example.com"})
    assert (own.status_code, own.get_json()["code"]) == (422, "self_referral")
    unknown = issue(client, token, "nobody", BODY)
    assert (unknown.status_code, unknown.get_json()["code"]) == (404, "user_not_found")
    assert issue(client, token, user.id, {"channel": "email"}).status_code == 422
    assert issue(client, token, user.id, {"channel": "link", "metadata": {"x": "y" * 5000}}).status_code == 422
    for scope in ("member", "checkout", "orders"):
        assert issue(client, make_token(session, scope), user.id, BODY).status_code == 403
