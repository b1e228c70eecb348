"""The first page of the consoles: exact while the programme is small, the last night's figures when it is large."""

import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.analytics.reads import Night, list_nights
from portal.home import reads
from portal.notifications.totals import add_messages
from portal.nudges.reasons import Reason
from portal.nudges.web.dispatches import REASONS
from portal.platform import clock
from tests.analytics.test_console import capture
from tests.factories.accounts import make_user, sign_in
from tests.factories.loyalty import earn, make_member, make_reward, make_tier, owe, request_reward
from tests.statements import counted


@pytest.fixture
def operator(session: Session, client: FlaskClient) -> FlaskClient:
    """A client in which an operator is signed in."""
    sign_in(client, make_user(session, id="olu", role="operator"))
    return client


@pytest.fixture
def last_night(session: Session) -> Night:
    """A programme with a night behind it: 1,000 points outstanding of one member, and 250 issued since."""
    make_tier(session, "bronze", 0)
    make_reward(session, "mug", 100)
    ada = make_member(session, make_user(session, id="ada"))
    earn(session, ada, 1000, at=clock.now() - timedelta(hours=9))
    capture(session, clock.now() - timedelta(hours=8))
    earn(session, ada, 250)
    request_reward(session, ada, "mug")
    add_messages(session, "nudge", "email", "sent", 3)
    return list_nights(1)[0]


def test_the_page_of_an_empty_programme_invites_the_first_night(operator: FlaskClient, session: Session) -> None:
    page = operator.get("/admin/").text
    assert "No night has been captured yet" in page
    assert "nobody waits" in page
    sign_in(operator, make_user(session, role="admin"))
    assert "Capture now" in operator.get("/admin/").text


@pytest.mark.usefixtures("last_night")
def test_the_page_sends_at_most_eight_statements_and_says_how_things_stand(
    operator: FlaskClient, session: Session
) -> None:
    with counted(session) as sent:
        page = operator.get("/admin/").text
    assert len(sent) <= 8, sent
    assert "1,250" in page
    assert "€12.50, now" in page
    assert "the oldest was made" in page
    for name in ("points", "funnel", "outcomes"):
        assert f'data-testid="plot-{name}"' in page
    assert 'data-testid="job-health"' in page


def test_since_the_last_night_is_counted_from_its_end(last_night: Night) -> None:
    flow = reads.get_flow_since(last_night, clock.now())
    assert flow == {"issued": 250, "redeemed": 0, "expired": 0}


def test_a_large_programme_is_shown_as_of_the_last_night(last_night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reads, "FEW", 0)
    row = reads.read_now()
    assert reads.get_standing(row, last_night) == reads.Standing(1, 1000, 0, 0, live=False)
    assert reads.get_standing(row, None) is None


def test_what_is_owed_stands_beside_what_is_outstanding(operator: FlaskClient, session: Session) -> None:
    member = make_member(session, points=1_000)
    assert 'data-testid="owed"' not in operator.get("/admin/").text
    owe(session, make_member(session), 380)
    page = operator.get("/admin/").text
    assert re.search(r'<a href="/admin/owed"\s+data-testid="owed">380 owed by members</a>', page)
    assert reads.get_standing(reads.read_now(), None) == reads.Standing(2, 1000, 0, 380, live=True)
    session.refresh(member)
    assert member.balance == 1_000


def test_messages_are_counted_since_the_last_night_and_in_all(last_night: Night) -> None:
    outcomes = reads.get_message_outcomes({"messages": {"sent": 1}})
    assert outcomes["sent"] == (2, 3)


def test_every_reason_of_a_dispatch_has_words() -> None:
    assert set(REASONS) == set(Reason)
