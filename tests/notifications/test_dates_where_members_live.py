"""A programme in Los Angeles at 19:52, members there, in Berlin and in Tokyo, around each change of the clocks: every
date on their pages, in mail, SMS and push is true where they live (CONTRACT rule 17)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient

from portal.accounts.models import User
from portal.accounts.preferences import Preferences, put_preferences
from portal.nudges.candidates import aggregate_nudge_candidates
from portal.nudges.dispatch import dispatch_batch
from portal.platform import clock
from portal.platform.db import unit_of_work
from portal.platform.web.application import Portal
from tests import databases
from tests.factories.accounts import make_user, sign_in
from tests.factories.checkout import make_intent
from tests.factories.loyalty import earn, make_member, make_reward, make_tier, request_reward
from tests.factories.referrals import make_invite
from tests.http_sink import HttpSink
from tests.notifications.test_push import PRIVATE, Subscriber
from tests.sink import Sink

HOME = ZoneInfo("America/Los_Angeles")
ZONES = {"la": "America/Los_Angeles", "berlin": "Europe/Berlin", "tokyo": "Asia/Tokyo"}
CHANNELS = ("email", "sms", "push")
MONTHS = "January February March April May June July August September October November December"

# The evening in Los Angeles; the last whole days, by zone, of points that end at 23:59:59 UTC of the day named. On the
# West coast that is 15:59:59 or 16:59:59, in Berlin 00:59:59 or 01:59:59 of the next day, in Tokyo 08:59:59 of it.
EVENINGS = {
    "2026-03-07": ("2026-03-09", {"la": "8 March", "berlin": "9 March", "tokyo": "9 March"}),
    "2026-03-08": ("2026-03-10", {"la": "9 March", "berlin": "10 March", "tokyo": "10 March"}),
    "2026-03-28": ("2026-03-30", {"la": "29 March", "berlin": "30 March", "tokyo": "30 March"}),
    "2026-03-29": ("2026-03-31", {"la": "30 March", "berlin": "31 March", "tokyo": "31 March"}),
    "2026-10-24": ("2026-10-26", {"la": "25 October", "berlin": "26 October", "tokyo": "26 October"}),
    "2026-10-25": ("2026-10-27", {"la": "26 October", "berlin": "27 October", "tokyo": "27 October"}),
    "2026-10-31": ("2026-11-02", {"la": "1 November", "berlin": "2 November", "tokyo": "2 November"}),
    "2026-11-01": ("2026-11-03", {"la": "2 November", "berlin": "3 November", "tokyo": "3 November"}),
}


def last_day(end: datetime, zone: str) -> str:
    """The last whole day before `end`, found by walking back along the clock on the wall: "8 March"."""
    step = (end + timedelta(seconds=1)).astimezone(UTC)
    step -= timedelta(minutes=step.minute % 15, seconds=step.second, microseconds=step.microsecond)
    while (step.astimezone(ZoneInfo(zone)).hour, step.astimezone(ZoneInfo(zone)).minute) != (0, 0):
        step -= timedelta(minutes=15)
    before = (step - timedelta(minutes=15)).astimezone(ZoneInfo(zone))
    return f"{before.day} {MONTHS.split()[before.month - 1]}"


def short(day: str) -> str:
    """The day as pages write it: "8 Mar"."""
    number, month = day.split()
    return f"{number} {month[:3]}"


@dataclass(frozen=True)
class Evening:
    """19:52 of a day in Los Angeles, and what ends after it."""

    day: str

    @property
    def now(self) -> datetime:
        return datetime.fromisoformat(f"{self.day}T19:52:00").replace(tzinfo=HOME)

    @property
    def utc_end(self) -> datetime:
        """The end of a day of UTC, as another system may send it."""
        return datetime.fromisoformat(f"{EVENINGS[self.day][0]}T23:59:59+00:00")

    @property
    def home_end(self) -> datetime:
        """The end of a day of the programme, five days on."""
        day = (self.now + timedelta(days=5)).date()
        return datetime(day.year, day.month, day.day, 23, 59, 59, 999_999, tzinfo=HOME)

    @property
    def intent_end(self) -> datetime:
        return self.now.astimezone(UTC) + timedelta(hours=72)


@pytest.fixture
def shop(servers: databases.Servers, app: Portal, sink: Sink, http_sink: HttpSink) -> Iterator[Portal]:
    """A programme in Los Angeles that sends by all three ways and keeps the usual quiet hours."""
    application = databases.make_app(
        servers,
        servers.create("west"),
        programme_timezone=HOME.key,
        email_url=sink.url,
        sms_url=f"json://127.0.0.1:{http_sink.port}/{{phone}}",
        vapid_private_key=PRIVATE,
        push_services="127.0.0.1",
        nudge_quiet_hours="21:00-08:00",
        nudge_daily_cap=3,
    )
    with application.app_context():
        yield application
        databases.dispose(application)
    servers.drop("west")


@pytest.fixture(params=list(EVENINGS))
def evening(request: pytest.FixtureRequest, shop: Portal, subscriber: Subscriber) -> Iterator[Evening]:
    """That evening, with a member for each zone and channel."""
    tonight = Evening(request.param)
    with clock.at(tonight.now):
        with unit_of_work() as session:
            make_reward(session, "mug", 10)
        for number, name in enumerate(f"{place}-{channel}" for place in ZONES for channel in CHANNELS):
            move_in(name, number, tonight, subscriber)
        yield tonight


@pytest.fixture
def subscriber(http_sink: HttpSink) -> Subscriber:
    """The browser that all notifications go to."""
    return Subscriber(http_sink.port)


def move_in(name: str, number: int, tonight: Evening, subscriber: Subscriber) -> None:
    """A member who agrees to one channel, with points that end, a request, an invite, and a mug left at a checkout."""
    place, channel = name.split("-")
    with unit_of_work() as session:
        user = make_user(session, id=name, email=f"{name}@example.com", timezone=ZONES[place], marketing_messages=True)
        user.phone_number, user.push_token = f"+1415555260{number}", subscriber.token
        only = {way: way == channel for way in CHANNELS}
        put_preferences(session, name, Preferences(True, **only), ())
        member = make_member(session, user)
        earn(session, member, 100, expires_at=tonight.utc_end)
        earn(session, member, 100, expires_at=tonight.home_end)
        request_reward(session, member, "mug")
        make_invite(session, member)
        make_intent(session, member, reward="mug")


def send(moment: datetime) -> None:
    """What the job does."""
    with clock.at(moment):
        with unit_of_work() as session:
            aggregate_nudge_candidates(session, clock.now())
        while dispatch_batch():
            continue


def sent_to(name: str, sink: Sink, http_sink: HttpSink, subscriber: Subscriber) -> str:
    """The words of everything that a member was sent, by whichever way it went."""
    number = [f"{place}-{channel}" for place in ZONES for channel in CHANNELS].index(name)
    mails = [part.get_content() for mail in sink.to(f"{name}@example.com") for part in mail.walk() if is_text(part)]
    texts = [r.body.decode() for r in http_sink.requests if r.path == f"/+1415555260{number}"]
    pushed = [str(subscriber.read(r.body)) for r in http_sink.requests if r.path == "/push"]
    return "\n".join({"email": mails, "sms": texts, "push": pushed}[name.split("-")[1]])


def is_text(part: object) -> bool:
    return part.get_content_maintype() == "text"  # type: ignore[attr-defined, no-any-return]  # a part of a message


def look(app: Portal, name: str, path: str) -> str:
    client: FlaskClient = app.test_client()
    with unit_of_work() as session:
        sign_in(client, session.get_one(User, name))
    return " ".join(client.get(path).text.split())


def told(page: str, words: str) -> list[str]:
    """The days that stand behind these words on a page."""
    return re.findall(rf"{words} <time[^>]*>([^<]+)</time>", page)


def check_pages(shop: Portal, evening: Evening) -> None:
    """Every date on the pages of every member."""
    for place, zone in ZONES.items():
        utc_end = EVENINGS[evening.day][1][place]
        home_end, intent_end = last_day(evening.home_end, zone), last_day(evening.intent_end, zone)
        hub = look(shop, f"{place}-email", "/account/loyalty")
        assert told(hub, "</span> by") == [short(utc_end), short(home_end)], "points with a date"
        assert told(hub, "first by") == [short(utc_end)]
        hold_end = evening.now.astimezone(UTC) + timedelta(days=30)
        assert told(hub, "on hold until") == [short(last_day(hold_end, zone))]
        assert f"Use the first of them by {utc_end} and the rest by {home_end}," in hub
        assert f"You have 190 points that expire by {home_end}." in hub
        assert f"it waits until {intent_end}." in hub
        invite_end = evening.now.astimezone(UTC) + timedelta(days=90)
        invites = look(shop, f"{place}-email", "/account/referrals")
        in_spring = evening.now.month == 3
        assert told(invites, "good until") == [short(last_day(invite_end, zone)) + ("" if in_spring else " 2027")]


def test_every_date_is_true_there_on_pages_and_in_messages_when_they_leave(
    shop: Portal, evening: Evening, sink: Sink, http_sink: HttpSink, subscriber: Subscriber
) -> None:
    check_pages(shop, evening)
    assert {last_day(evening.utc_end, zone) for zone in ZONES.values()} == set(EVENINGS[evening.day][1].values())
    send(evening.now)
    for channel in CHANNELS:
        assert sent_to(f"berlin-{channel}", sink, http_sink, subscriber) == "" or channel == "push", (
            "it is 4 in the morning"
        )
    morning = (evening.now.astimezone(ZoneInfo("Europe/Berlin"))).replace(hour=8, minute=0)
    pushed = [request for request in http_sink.requests if request.path == "/push"]
    send(morning.astimezone(UTC))
    for place, zone in ZONES.items():
        utc_end = EVENINGS[evening.day][1][place]
        home_end, intent_end = last_day(evening.home_end, zone), last_day(evening.intent_end, zone)
        for channel in CHANNELS:
            words = sent_to(f"{place}-{channel}", sink, http_sink, subscriber)
            assert f"You have 190 points that expire by {home_end}." in words
            assert f"it waits until {intent_end}." in words
            if channel == "email":
                assert words.count(f"Use the first of them by {utc_end} and the rest by {home_end},") == 2
    assert len(pushed) == 4, "two members awake, two reminders each"
    assert len([request for request in http_sink.requests if request.path == "/push"]) == 6


def test_what_was_is_told_by_the_day_that_it_was_there(
    shop: Portal, evening: Evening, sink: Sink, http_sink: HttpSink, subscriber: Subscriber
) -> None:
    asked = evening.now - timedelta(days=4)  # the same time of day, by the clock on the wall
    for name in (f"{place}-{channel}" for place in ZONES for channel in CHANNELS):
        with clock.at(asked), unit_of_work() as session:
            request_reward(session, make_member(session, session.get_one(User, name)), "mug")
    days = {place: asked.astimezone(ZoneInfo(zone)) for place, zone in ZONES.items()}
    words = {place: f"You asked for Mug on {day.day} {MONTHS.split()[day.month - 1]}," for place, day in days.items()}
    for place, day in days.items():
        heading = f"{day:%A} {day.day} {MONTHS.split()[day.month - 1]}</h3>"
        assert heading in look(shop, f"{place}-email", "/account/loyalty")
        for path in ("/account/loyalty", "/checkout/success?order=A-1", "/api/v1/loyalty/nudges"):
            assert words[place] in look(shop, f"{place}-email", path)
    send(evening.now)
    send(evening.now.astimezone(ZoneInfo("Europe/Berlin")).replace(hour=8, minute=0).astimezone(UTC))
    for place in ZONES:
        for channel in CHANNELS:
            assert words[place] in sent_to(f"{place}-{channel}", sink, http_sink, subscriber)


@pytest.mark.parametrize("evening", ["2026-10-31"], indirect=True)
def test_the_month_of_a_tier_is_the_one_it_was_there(shop: Portal, evening: Evening) -> None:
    with unit_of_work() as session:
        make_tier(session, "bronze", 0)
    for place, month in {"la": "October", "berlin": "November", "tokyo": "November"}.items():
        assert f"since {month} 2026" in look(shop, f"{place}-email", "/account/loyalty")


@pytest.mark.parametrize("evening", ["2026-03-07", "2026-10-31"], indirect=True)
def test_what_ends_in_the_same_night_is_told_by_the_clock_there(shop: Portal, evening: Evening) -> None:
    tonight = evening.now.replace(hour=23, minute=0)
    day, after = (evening.now.day, 8) if evening.now.month == 3 else (evening.now.day, 1)
    month, berlin, tokyo = ("March", "08:00", "16:00") if evening.now.month == 3 else ("November", "07:00", "15:00")
    expected = {
        "la": f"23:00 today, {day} {'March' if evening.now.month == 3 else 'October'}",
        "berlin": f"{berlin} today, {after} {month}",
        "tokyo": f"{tokyo} today, {after} {month}",
    }
    for place, words in expected.items():
        with unit_of_work() as session:
            member = make_member(session, session.get_one(User, f"{place}-email"))
            earn(session, member, 5, expires_at=tonight)
        hub = look(shop, f"{place}-email", "/account/loyalty")
        assert f"Use the first of them by {words} and" in hub
        assert told(hub, "</span> by")[0] == words.split(",")[0]
