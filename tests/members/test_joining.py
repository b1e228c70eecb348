"""Staff are asked before they become members, and left out wherever members are counted."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.accounts.models import User
from portal.analytics.details import capture_details
from portal.analytics.models import AnalyticsSnapshot
from portal.analytics.snapshots import capture_snapshot
from portal.home.reads import read_now
from portal.members.membership import get_member
from portal.platform import clock
from portal.referrals.segments import get_segments
from tests.contract.pages import PageView
from tests.factories.accounts import csrf, make_user, sign_in
from tests.factories.loyalty import make_member, make_reward, make_tier
from tests.factories.referrals import make_invite

HUB = "/account/loyalty"
PAGES = [HUB, f"{HUB}/rewards/mug/redeem", "/account/referrals"]
NIGHT = datetime(2026, 3, 10, 0, 30, tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")


@pytest.fixture(params=["operator", "admin"])
def amy(client: FlaskClient, session: Session, request: pytest.FixtureRequest) -> User:
    """Somebody of the staff, signed in, who is no member."""
    make_reward(session, "mug", 100)
    amy = make_user(session, role=request.param)
    sign_in(client, amy)
    return amy


def test_staff_are_asked_first(client: FlaskClient, session: Session, amy: User) -> None:
    for path in PAGES:
        page = client.get(path)
        assert page.status_code == 200
        assert "Become a member, too?" in page.text
        assert not PageView(page.text).hooks("balance-available")
    for path in PAGES[1:]:
        answer = client.post(path, data={"csrf_token": csrf(client), "channel": "link", "idempotency_key": path})
        assert (answer.status_code, answer.headers["Location"]) == (303, HUB)

    assert get_member(session, amy.id) is None


def test_who_agrees_becomes_a_member_once(client: FlaskClient, session: Session, amy: User) -> None:
    client.get(HUB)
    for _ in range(2):
        answer = client.post(f"{HUB}/join", data={"csrf_token": csrf(client)}, follow_redirects=True)
        assert PageView(answer.text).hook("balance-available") is not None

    assert get_member(session, amy.id) is not None
    assert "Become a member, too?" not in client.get("/account/referrals").text


def test_looking_at_their_other_pages_makes_no_member(client: FlaskClient, session: Session, amy: User) -> None:
    for path in ("/account/preferences", "/checkout/success?order=A", "/admin/", "/", "/app/api/loyalty/timeline"):
        assert client.get(path, follow_redirects=True).status_code == 200, path

    assert get_member(session, amy.id) is None


def test_members_are_not_asked(client: FlaskClient, session: Session) -> None:
    sign_in(client, make_user(session))
    assert PageView(client.get(HUB).text).hook("balance-available") is not None


def test_staff_who_are_members_are_left_out_of_the_figures(client: FlaskClient, session: Session) -> None:
    make_tier(session, "bronze", 0)
    with clock.at(NIGHT):
        customer = make_member(session, points=300)
        staff = [make_member(session, make_user(session, role=role), points=70) for role in ("operator", "admin")]
        for member in (customer, *staff):
            make_invite(session, member)
        capture_snapshot(session, NIGHT, UTC_ZONE)
        capture_details(session, NIGHT, UTC_ZONE, "EUR")

    kept = session.get_one(AnalyticsSnapshot, NIGHT.date(), populate_existing=True)
    tier = kept.figures["liability"]["tiers"][0]
    assert (tier["members"], tier["balance"]) == (1, 440)
    assert kept.details["sizes"] == {"2026-03": 1}
    assert (kept.figures["velocity"]["members"], kept.figures["velocity"]["invites"]) == (1, 1)
    assert sum(segment["members"] for segment in get_segments(NIGHT, session)) == 1
    now = read_now()
    assert (now.members, now.outstanding) == (1, 440)
