"""A further lot, request or intent is a new signal: a new nudge with a new id (CONTRACT rule 15)."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.members.models import Member
from portal.nudges.models import Nudge
from portal.platform import clock, ids
from tests.factories.accounts import make_token, make_user
from tests.factories.checkout import make_intent
from tests.factories.loyalty import make_member, make_reward, request_reward
from tests.nudges.people import DAY, expire_soon
from tests.nudges.test_nudges_api import age, feed, say

Arise = Callable[[Session, Member], object]


def stall(session: Session, member: Member) -> None:
    with clock.at(clock.now() - 4 * DAY):
        request_reward(session, member, "mug")


SIGNALS: dict[str, Arise] = {
    "expiring_points": expire_soon,
    "stalled_redemption": stall,
    "checkout_reminder": lambda session, member: make_intent(session, member, reward="mug"),
    "referral_share": make_intent,
}


@pytest.fixture(params=list(SIGNALS))
def signal(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def token(session: Session) -> str:
    return make_token(session, "member")


@pytest.fixture
def member(session: Session) -> Member:
    """Somebody with points to spend, in a shop with a mug."""
    make_reward(session, "mug", 10)
    return make_member(session, make_user(session), points=1000)


@pytest.mark.parametrize("became", ["active", "acknowledged", "dismissed", "over", "dismissed and over"])
def test_a_further_cause_is_a_nudge_of_its_own(
    client: FlaskClient, session: Session, token: str, member: Member, signal: str, became: str
) -> None:
    SIGNALS[signal](session, member)
    (first,) = feed(client, token, member)
    if became.startswith(("acknowledged", "dismissed")):
        assert say(client, token, member.user_id, first["id"], became.split()[0]).status_code == 200
    if became.endswith("over"):
        age(session, 400)
        assert feed(client, token, member) == []

    SIGNALS[signal](session, member)

    (second,) = feed(client, token, member)
    assert (second["type"], second["status"]) == (signal, "active")
    assert second["id"] != first["id"]
    assert feed(client, token, member) == [second], "once is enough"
    kept = {row.id: row for row in session.scalars(select(Nudge).where(Nudge.signal == signal))}
    old = kept.pop(ids.parse(first["id"]))
    assert (old.status, old.dismissed_at is not None) == ("gone", became.startswith("dismissed"))
    assert [row.next_dispatch_at is not None for row in kept.values()] == [True]


def test_the_same_causes_bring_no_dismissed_one_back_and_one_is_live_at_most(
    client: FlaskClient, session: Session, token: str, member: Member, signal: str
) -> None:
    for _ in range(3):
        SIGNALS[signal](session, member)
        (card,) = feed(client, token, member)
        assert say(client, token, member.user_id, card["id"], "dismissed").status_code == 200
        assert feed(client, token, member) == []
        live = Nudge.status.in_(("active", "acknowledged", "dismissed"))
        assert session.scalar(select(func.count()).select_from(Nudge).where(live)) == 1
    assert session.scalar(select(func.count()).select_from(Nudge)) == 3


def test_an_answer_to_the_old_one_does_not_touch_the_new_one(
    client: FlaskClient, session: Session, token: str, member: Member, signal: str
) -> None:
    SIGNALS[signal](session, member)
    (first,) = feed(client, token, member)
    SIGNALS[signal](session, member)
    (second,) = feed(client, token, member)

    assert say(client, token, member.user_id, first["id"], "dismissed").get_json()["status"] == "gone"

    assert feed(client, token, member) == [second]
