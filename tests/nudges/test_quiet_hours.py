"""Nobody is woken: from 21:00 to 08:00 where a member lives no marketing message leaves (CONTRACT rule 17)."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from portal.accounts.preferences import ANY_HOUR
from portal.members.models import Member
from portal.notifications.models import Message
from portal.platform import clock, outbox
from portal.platform.db import unit_of_work
from portal.platform.models import OutboxMessage
from portal.platform.web.application import Portal
from tests.factories.accounts import make_user
from tests.factories.loyalty import earn, make_member, make_tier
from tests.nudges.people import decisions, make_due, run

DEFAULT = "21:00-08:00"


@pytest.fixture
def sleepy(shop: Portal) -> Iterator[Portal]:
    """A programme in Los Angeles with the hours that a new programme begins with."""
    before = shop.config["SETTINGS"]
    changed = {"nudge_quiet_hours": DEFAULT, "programme_timezone": ZoneInfo("America/Los_Angeles")}
    shop.config["SETTINGS"] = before.model_copy(update=changed)
    yield shop
    shop.config["SETTINGS"] = before


def there(hour: int, minute: int, zone: str) -> datetime:
    """That time of day there, in ten days."""
    day = (datetime.now(UTC) + timedelta(days=10)).date()
    return datetime.combine(day, time(hour, minute), tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Asia/Tokyo", "Europe/Berlin", None])
@pytest.mark.parametrize(
    ("hour", "minute", "status"),
    [(3, 0, "deferred"), (7, 59, "deferred"), (8, 0, "sent"), (20, 59, "sent"), (21, 0, "deferred")],
)
def test_a_nudge_waits_for_the_members_morning(
    sleepy: Portal, zone: str | None, hour: int, minute: int, status: str
) -> None:
    at = there(hour, minute, zone or "America/Los_Angeles")
    member = make_due(at=at - timedelta(hours=1), timezone=zone)
    run(at)
    assert [decision[0] for decision in decisions(member)] == [status]
    if status == "deferred":
        assert decisions(member)[0][1] == "quiet_hours"
        morning = there(8, 0, zone or "America/Los_Angeles") + timedelta(days=hour > 20)
        run(morning - timedelta(seconds=1))
        assert len(decisions(member)) == 1
        run(morning)
        assert [decision[0] for decision in decisions(member)] == ["deferred", "sent"]


@pytest.mark.parametrize(
    ("own", "hour", "status"),
    [
        (ANY_HOUR, 3, "sent"),
        ((time(1), time(5)), 3, "deferred"),
        ((time(1), time(5)), 22, "sent"),
        ((time(12), time(13)), 12, "deferred"),
    ],
)
def test_what_a_member_has_chosen_stands_above_it(
    sleepy: Portal, own: tuple[time, time], hour: int, status: str
) -> None:
    at = there(hour, 0, "Asia/Tokyo")
    member = make_due(at=at - timedelta(hours=1), timezone="Asia/Tokyo", quiet=own)
    run(at)
    assert [decision[0] for decision in decisions(member)] == [status]


def rise(zone: str | None) -> Member:
    """A member who agrees to messages reaches a tier."""
    with unit_of_work() as session:
        make_tier(session, "gold", 100)
        member = make_member(session, make_user(session, marketing_messages=True, timezone=zone))
        earn(session, member, 100)
        session.refresh(member)
        session.expunge(member)
    return member


@pytest.mark.parametrize("zone", ["Asia/Tokyo", None])
def test_the_news_of_a_tier_waits_too(sleepy: Portal, zone: str | None) -> None:
    rise(zone)
    night = there(3, 0, zone or "America/Los_Angeles")
    with clock.at(night):
        assert outbox.deliver()["postponed"] == 1
    with unit_of_work() as session:
        row = session.scalars(select(OutboxMessage)).one()
        assert row.next_attempt_at == there(8, 0, zone or "America/Los_Angeles")
    with clock.at(night + timedelta(hours=5)):
        assert outbox.deliver()["done"] == 1
    with unit_of_work() as session:
        assert session.scalars(select(Message.status)).all() == ["sent"]
