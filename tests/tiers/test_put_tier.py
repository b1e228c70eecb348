"""What putting a tier does to members who are there already (CONTRACT rule 9)."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.platform.models import OutboxMessage
from portal.tiers.models import TierChange
from portal.tiers.qualification import UPGRADE_TOPIC
from tests.factories.loyalty import make_member, make_tier


def announced(session: Session) -> int:
    return len(session.scalars(select(OutboxMessage).where(OutboxMessage.topic == UPGRADE_TOPIC)).all())


def test_the_first_tier_is_joined_without_an_announcement_also_by_those_with_points(session: Session) -> None:
    make_member(session, points=50)
    make_tier(session, "base", 0)
    assert (len(session.scalars(select(TierChange)).all()), announced(session)) == (1, 0)


def test_a_tier_that_members_have_earned_already_is_announced_to_them(session: Session) -> None:
    make_tier(session, "base", 0)
    make_member(session, points=50)
    make_tier(session, "silver", 50)
    assert announced(session) == 1
