"""What a member sees of nudges, and when it comes and goes."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from portal.members.models import Member
from portal.nudges.feed import refresh_and_list_nudges, update_nudge_status
from portal.platform import clock, ids
from portal.platform.audit import Act
from portal.redemptions.lifecycle import fulfill_redemption
from tests.factories.checkout import make_intent
from tests.factories.loyalty import earn, make_member, make_reward, request_reward

DAY = timedelta(days=1)


def shown(session: Session, member: Member, days: float = 0) -> dict[str, str]:
    cards = refresh_and_list_nudges(session, member.user_id, clock.now() + days * DAY)
    return {card["type"]: card["title"] for card in cards}


def answer(session: Session, member: Member, status: str, days: float = 0) -> None:
    now = clock.now() + days * DAY
    (card,) = refresh_and_list_nudges(session, member.user_id, now)
    update_nudge_status(session, member.user_id, ids.parse(card["id"]), status, now)  # type: ignore[arg-type]  # the id is one


@pytest.fixture
def member(session: Session) -> Member:
    return make_member(session)


def test_points_that_expire_within_the_window_are_brought_up(session: Session, member: Member) -> None:
    earn(session, member, 120, expires_at=clock.now() + 20 * DAY)
    assert shown(session, member) == {}
    assert shown(session, member, 7) == {"expiring_points": "120 points expire soon"}


def test_only_what_is_left_beyond_holds_is_brought_up(session: Session, member: Member) -> None:
    make_reward(session, "mug", 70)
    earn(session, member, 120, expires_at=clock.now() + 3 * DAY)
    request_reward(session, member, "mug")
    assert shown(session, member) == {"expiring_points": "50 points expire soon"}


def test_a_dismissed_nudge_stays_away_until_another_lot_comes_due(session: Session, member: Member) -> None:
    make_reward(session, "mug", 30)
    earn(session, member, 100, expires_at=clock.now() + 3 * DAY)
    earn(session, member, 40, expires_at=clock.now() + 5 * DAY)
    earn(session, member, 60, expires_at=clock.now() + 25 * DAY)
    answer(session, member, "dismissed")
    held = request_reward(session, member, "mug")
    assert shown(session, member) == {}, "a lot that was partly spent is no news"
    fulfill_redemption(session, held.id, Act("test", clock.now()))
    assert shown(session, member, 4) == {}, "nor is one of two that is gone"
    assert shown(session, member, 9) == {}, "nor are both"
    assert shown(session, member, 12) == {"expiring_points": "60 points expire soon"}


def test_all_four_signals(session: Session, member: Member) -> None:
    make_reward(session, "mug", 30)
    earn(session, member, 100, expires_at=clock.now() + 10 * DAY)
    request_reward(session, member, "mug")
    make_intent(session, member, ttl=9 * DAY)
    make_intent(session, member, reward="mug", ttl=9 * DAY)
    assert list(shown(session, member, 4)) == [
        "expiring_points",
        "checkout_reminder",
        "stalled_redemption",
        "referral_share",
    ]
