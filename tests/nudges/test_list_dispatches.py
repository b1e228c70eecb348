"""GET /nudge-dispatches: what operators see of every decision."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.members.models import Member
from portal.notifications.models import ChannelName
from portal.nudges import events
from portal.nudges.events import About
from portal.nudges.reasons import Reason
from portal.nudges.web.schemas import NudgeDispatchPage
from portal.platform import clock, ids
from tests.factories.accounts import bearer, make_token
from tests.factories.loyalty import make_member
from tests.statements import counted

URL = "/api/v1/loyalty/nudge-dispatches"


@pytest.fixture
def admin(session: Session) -> dict[str, str]:
    return bearer(make_token(session, "admin"))


def decide(session: Session, member: Member, reason: Reason, *, sent: bool = False) -> str:
    about = About(member.id, ids.new_id(), None, clock.now(), "expiring_points")
    if sent:
        claim = events.claim(session, about, ChannelName.EMAIL, 0, clock.now())
        assert claim is not None
        assert events.finish(session, about, claim, "sent", reason, "smtp", clock.now())
    else:
        events.hold(session, about, reason, clock.now())
    return ids.encode(about.nudge_id)


def rows(client: FlaskClient, admin: dict[str, str], query: str = "") -> list[Any]:
    answer = client.get(f"{URL}{query}", headers=admin)
    assert answer.status_code == 200
    NudgeDispatchPage.model_validate(answer.get_json())
    found: list[Any] = answer.get_json()["dispatches"]
    return found


def test_decisions_are_listed_newest_first_and_filtered(
    client: FlaskClient, session: Session, admin: dict[str, str]
) -> None:
    ada, bob = make_member(session), make_member(session)
    first = decide(session, ada, Reason.DUE, sent=True)
    second = decide(session, bob, Reason.NO_CONSENT)
    found = rows(client, admin)
    assert [row["nudgeId"] for row in found] == [second, first]
    assert {**found[1], "id": "", "createdAt": "", "sentAt": ""} == {
        "id": "",
        "nudgeId": first,
        "userId": ada.user_id,
        "campaign": None,
        "channel": "email",
        "backend": "smtp",
        "status": "sent",
        "reason": "due",
        "createdAt": "",
        "sentAt": "",
    }
    assert found[0]["sentAt"] is None
    assert [row["nudgeId"] for row in rows(client, admin, f"?userId={bob.user_id}")] == [second]
    assert [row["nudgeId"] for row in rows(client, admin, "?statuses=sent&statuses=failed")] == [first]
    assert rows(client, admin, f"?userId={bob.user_id}&statuses=sent") == []
    assert rows(client, admin, "?userId=nobody") == []


def test_a_walk_shows_each_once_and_its_cursor_belongs_to_its_filters(
    client: FlaskClient, session: Session, admin: dict[str, str]
) -> None:
    member = make_member(session)
    made = [decide(session, member, Reason.NO_CONSENT, sent=number % 2 == 0) for number in range(7)]
    for user in ("", f"&userId={member.user_id}"):
        seen, query = list[str](), f"?limit=3{user}"
        while True:
            page = client.get(f"{URL}{query}", headers=admin).get_json()
            seen += [row["nudgeId"] for row in page["dispatches"]]
            if page["nextCursor"] is None:
                break
            query = f"?limit=3{user}&cursor={page['nextCursor']}"
        assert seen == made[::-1]
        other = client.get(f"{URL}{query}&statuses=sent", headers=admin)
        assert other.get_json()["code"] == "invalid_cursor"


def test_one_statement_and_a_guard(client: FlaskClient, session: Session, admin: dict[str, str]) -> None:
    decide(session, make_member(session), Reason.NO_CONSENT)
    client.get(URL, headers=admin)
    with counted(session) as sent:
        client.get(URL, headers=admin)
    assert len(sent) <= 2
    for query in ("?statuses=lost", "?limit=0", "?userId=a/b"):
        assert client.get(f"{URL}{query}", headers=admin).status_code == 422
    assert client.get(URL).status_code == 401
    assert client.get(URL, headers=bearer(make_token(session, "member"), "ada")).status_code == 403
    assert client.post(URL, headers=admin).status_code == 405
