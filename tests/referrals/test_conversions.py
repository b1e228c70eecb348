"""GET /referrals/conversions."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.platform import clock
from portal.platform.audit import Act
from portal.referrals.standing import cancel_invite
from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.loyalty import make_member
from tests.factories.referrals import DAY, complete, make_invite

PATH = "/api/v1/loyalty/referrals/conversions"


@pytest.fixture
def token(session: Session) -> str:
    return make_token(session, "member")


def test_a_user_who_never_invited_has_zeros(client: FlaskClient, session: Session, token: str) -> None:
    answer = client.get(PATH, headers=bearer(token, make_user(session).id)).get_json()
    assert answer == {
        "invites": {"draft": 0, "sent": 0, "converted": 0, "cancelled": 0, "expired": 0, "reversed": 0, "total": 0},
        "conversionRate": 0.0,
        "pointsEarned": 0,
        "lastActivityAt": None,
        "conversions": [],
        "nextCursor": None,
    }


def test_counts_rate_and_points_agree_with_the_ledger(client: FlaskClient, session: Session, token: str) -> None:
    member = make_member(session)
    invites = [make_invite(session, member) for _ in range(5)]
    make_invite(session, member, at=clock.now() - 90 * DAY)
    for invite in invites[:2]:
        complete(session, invite.code, make_user(session).id)
    cancel_invite(session, invites[2].id, Act("user:x", clock.now()))
    answer = client.get(PATH, headers=bearer(token, member.user_id)).get_json()
    assert answer["invites"] == {
        "draft": 0,
        "sent": 2,
        "converted": 2,
        "cancelled": 1,
        "expired": 1,
        "reversed": 0,
        "total": 6,
    }
    assert answer["conversionRate"] == 0.3333
    entries = client.get(
        "/api/v1/loyalty/ledger?types=referral_bonus", headers=bearer(token, member.user_id)
    ).get_json()["entries"]
    assert answer["pointsEarned"] == sum(entry["amount"] for entry in entries) == 1000
    assert {c["code"] for c in answer["conversions"]} == {e["metadata"]["referral_code"] for e in entries}
    assert answer["lastActivityAt"] == answer["conversions"][0]["convertedAt"]


def test_conversions_come_by_the_time_they_converted_page_by_page(
    client: FlaskClient, session: Session, token: str
) -> None:
    member, now = make_member(session), clock.now()
    invites = [make_invite(session, member) for _ in range(4)]
    order = [2, 0, 3, 1]
    for step, number in enumerate(order):
        complete(session, invites[number].code, make_user(session).id, at=now + step * DAY / 24)
    seen: list[str] = []
    cursor = ""
    while cursor is not None:
        page = client.get(f"{PATH}?limit=1{cursor}", headers=bearer(token, member.user_id)).get_json()
        seen += [conversion["code"] for conversion in page["conversions"]]
        cursor = page["nextCursor"] and f"&cursor={page['nextCursor']}"
    assert seen == [invites[number].code for number in reversed(order)]


def test_strangers_and_edited_cursors_are_refused(client: FlaskClient, session: Session, token: str) -> None:
    assert client.get(PATH).status_code == 401
    assert client.get(PATH, headers=bearer(token, "nobody")).status_code == 404
    answer = client.get(f"{PATH}?cursor=edited", headers=bearer(token, make_user(session).id))
    assert (answer.status_code, answer.get_json()["code"]) == (400, "invalid_cursor")
    assert client.post(PATH, headers=bearer(token, make_user(session).id)).status_code == 405
