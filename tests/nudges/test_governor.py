"""The governor's clock: quiet hours and days in the member's time zone, also when the clocks change."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from portal.accounts.preferences import Preferences
from portal.notifications.models import ChannelName
from portal.notifications.recipients import Recipient
from portal.nudges.governor import Hold, Send, Situation, begin_of_day, decide
from portal.nudges.reasons import Reason

EMAIL = ChannelName.EMAIL
NIGHT = (time(22), time(7))


def someone(zone: str | None, quiet: tuple[time, time] | None = None, **wishes: Any) -> Recipient:
    begin, end = quiet or (None, None)
    wanted = Preferences(True, quiet_from=begin, quiet_until=end, **wishes)
    return Recipient("ada", "Ada", None, zone, {EMAIL: "ada@example.com", ChannelName.SMS: "+14155552671"}, wanted)


def ask(recipient: Recipient | None, now: datetime, **facts: Any) -> Send | Hold:
    values = {
        "now": now,
        "suspended": False,
        "recipient": recipient,
        "channels": (EMAIL,),
        "refused_channels": (),
        "cap": timedelta(hours=24),
        "last_of_campaign": None,
        "sent_today": 0,
        "daily_cap": 2,
        "zone": ZoneInfo("UTC"),
        "quiet_hours": None,
        **facts,
    }
    return decide(Situation(**values))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "quiet", "now", "until"),
    [
        # Before midnight, after it, at both ends; the day after the begin and the day of the end.
        ("Europe/Berlin", NIGHT, "2026-07-01T20:30", "2026-07-02T05:00"),
        ("Europe/Berlin", NIGHT, "2026-07-02T03:00", "2026-07-02T05:00"),
        ("Europe/Berlin", NIGHT, "2026-07-01T20:00", "2026-07-02T05:00"),
        ("Europe/Berlin", NIGHT, "2026-07-02T05:00", None),
        ("Europe/Berlin", NIGHT, "2026-07-01T19:59", None),
        # Within a day, and in a zone whose day is another one than in UTC.
        ("Pacific/Auckland", (time(9), time(17)), "2026-06-30T22:00", "2026-07-01T05:00"),
        ("America/Los_Angeles", (time(12), time(13)), "2026-07-01T12:30", None),
        # The night in which the clocks go forward is an hour shorter, the one in which they go back an hour longer.
        ("Europe/Berlin", NIGHT, "2026-03-28T21:30", "2026-03-29T05:00"),
        ("Europe/Berlin", NIGHT, "2026-10-24T20:30", "2026-10-25T06:00"),
        # An end that the clocks skip, and one that they show twice: it ends after now, whichever it is.
        ("Europe/Berlin", (time(22), time(2, 30)), "2026-03-29T00:30", "2026-03-29T01:30"),
        ("Europe/Berlin", (time(22), time(2, 30)), "2026-10-25T00:15", "2026-10-25T00:30"),
        ("Europe/Berlin", (time(22), time(2, 30)), "2026-10-25T01:15", "2026-10-25T01:30"),
        # Without a zone of their own, the programme's.
        (None, NIGHT, "2026-07-01T23:00", "2026-07-02T07:00"),
    ],
)
def test_quiet_hours_put_it_off_until_they_end(
    zone: str | None, quiet: tuple[time, time], now: str, until: str | None
) -> None:
    found = ask(someone(zone, quiet), utc(now))
    expected = Send(EMAIL) if until is None else Hold(Reason.QUIET_HOURS, utc(until), deferred=True)
    assert found == expected


def test_a_member_who_is_put_off_through_a_night_of_changing_clocks_gets_there() -> None:
    """However quiet hours lie, asking again at the end of each refusal makes progress and ends within a day."""
    for day in (28, 29):
        for end in range(24 * 4):
            now = datetime(2026, 3, day, 21, 30, tzinfo=UTC) if end % 2 else datetime(2026, 10, day - 4, 22, tzinfo=UTC)
            ada = someone("Europe/Berlin", (time(23, 15), time(end // 4, end % 4 * 15)))
            start, asked = now, 0
            while isinstance(found := ask(ada, now), Hold):
                assert found.until > now
                now, asked = found.until, asked + 1
            assert now - start <= timedelta(hours=26)
            assert asked <= 2


@pytest.mark.parametrize(
    ("zone", "now", "begin", "tomorrow"),
    [
        ("Europe/Berlin", "2026-03-29T12:00", "2026-03-28T23:00", "2026-03-29T22:00"),
        ("Europe/Berlin", "2026-10-25T12:00", "2026-10-24T22:00", "2026-10-25T23:00"),
        ("Pacific/Auckland", "2026-07-01T11:59", "2026-06-30T12:00", "2026-07-01T12:00"),
        ("America/Sao_Paulo", "2026-07-01T02:59", "2026-06-30T03:00", "2026-07-01T03:00"),
    ],
)
def test_a_members_day_is_their_own(zone: str, now: str, begin: str, tomorrow: str) -> None:
    ada = someone(zone)
    assert begin_of_day(ada, utc(now), ZoneInfo("UTC")) == utc(begin)
    assert ask(ada, utc(now), sent_today=2) == Hold(Reason.DAILY_CAP, utc(tomorrow))
    assert ask(ada, utc(now), sent_today=1) == Send(EMAIL)


def test_a_campaigns_cap_ends_to_the_second_and_zero_is_none() -> None:
    now, last = utc("2026-07-02T12:00"), utc("2026-07-01T12:00")
    assert ask(someone(None), now, last_of_campaign=last) == Send(EMAIL)
    early = now - timedelta(seconds=1)
    assert ask(someone(None), early, last_of_campaign=last) == Hold(Reason.CAMPAIGN_CAP, now)
    assert ask(someone(None), early, last_of_campaign=early, cap=timedelta(0)) == Send(EMAIL)


def test_the_first_channel_that_is_allowed_and_was_not_refused_is_taken() -> None:
    now, all_ways = utc("2026-07-02T12:00"), (ChannelName.PUSH, EMAIL, ChannelName.SMS)
    assert ask(someone(None), now, channels=all_ways) == Send(EMAIL)
    assert ask(someone(None, email=False), now, channels=all_ways) == Send(ChannelName.SMS)
    assert ask(someone(None), now, channels=all_ways, refused_channels=(EMAIL,)) == Send(ChannelName.SMS)
    for nothing in ((), (ChannelName.PUSH,)):
        found = ask(someone(None), now, channels=nothing)
        assert isinstance(found, Hold)
        assert found.reason is Reason.NO_CHANNEL
