"""Rules 16-19 as an operator sees them: the job runs, and each decision can be read with its reason."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from portal.platform.web.application import Portal
from tests.contract.document import Document
from tests.contract.mailing import JOB, Mailing, noon
from tests.contract.shapes import is_time, is_ulid
from tests.contract.till import redemption, share

HOUR = timedelta(hours=1)
SAVED = (200, 302, 303)


@pytest.fixture
def mailing(committed_app: Portal, document: Document) -> Mailing:
    """A shop whose messages go to the preview inbox."""
    return Mailing(committed_app, document)


def test_what_is_due_is_sent_once_and_told(mailing: Mailing) -> None:
    till = mailing.user()
    mailing.lot()
    figures = mailing.run(noon())
    assert isinstance(figures, dict)
    (event,) = mailing.told()
    assert set(event) == {
        "id",
        "nudgeId",
        "userId",
        "campaign",
        "channel",
        "backend",
        "status",
        "reason",
        "createdAt",
        "sentAt",
    }
    assert (event["status"], event["channel"], event["userId"]) == ("sent", "email", "ann")
    assert event["nudgeId"] == till.nudges()["expiring_points"]["id"]
    assert is_ulid(event["id"])
    assert event["backend"]
    assert event["campaign"]
    assert event["reason"]
    assert is_time(event["createdAt"])
    assert is_time(event["sentAt"])


@pytest.mark.parametrize("minutes", [0, 10, 60 * 12])
def test_a_further_run_sends_nothing_again(mailing: Mailing, minutes: int) -> None:
    mailing.user()
    mailing.lot()
    mailing.run(noon())
    mailing.run(noon() + timedelta(minutes=minutes))
    assert mailing.statuses().count("sent") == 1


@pytest.mark.parametrize("consent", [False, None])
def test_without_consent_nothing_leaves_and_the_reason_is_kept(mailing: Mailing, consent: bool | None) -> None:
    till = mailing.user(marketingMessages=consent)
    mailing.lot()
    mailing.run(noon())
    mailing.run(noon() + HOUR)
    events = mailing.told()
    assert {event["status"] for event in events} == {"suppressed"}
    assert all(event["reason"] and event["sentAt"] is None for event in events)
    assert list(till.nudges()) == ["expiring_points"], "the card remains"


def test_consent_given_later_lets_it_leave(mailing: Mailing) -> None:
    mailing.user(marketingMessages=False)
    mailing.lot()
    mailing.run(noon())
    mailing.user(marketingMessages=True)
    mailing.run(noon() + 25 * HOUR)
    assert mailing.statuses().count("sent") == 1, "what was suppressed consumed no cap"


@pytest.mark.parametrize(
    ("timezone", "quiet", "hour", "status"),
    [
        ("", ("22:00", "07:00"), 23, "deferred"),
        ("", ("22:00", "07:00"), 3, "deferred"),
        ("", ("22:00", "07:00"), 7, "sent"),
        ("", ("22:00", "07:00"), 21, "sent"),
        ("", ("09:00", "17:00"), 12, "deferred"),
        ("", ("09:00", "17:00"), 18, "sent"),
        ("Asia/Tokyo", ("22:00", "07:00"), 14, "deferred"),
        ("Asia/Tokyo", ("22:00", "07:00"), 23, "sent"),
        ("America/Los_Angeles", ("22:00", "07:00"), 9, "deferred"),
        ("America/Los_Angeles", ("22:00", "07:00"), 23, "sent"),
    ],
)
def test_quiet_hours_are_the_members_own(
    mailing: Mailing, timezone: str, quiet: tuple[str, str], hour: int, status: str
) -> None:
    mailing.user()
    mailing.lot()
    assert mailing.prefer(timezone=timezone, quiet_from=quiet[0], quiet_until=quiet[1]) in SAVED
    mailing.run(noon().replace(hour=hour))
    events = mailing.told()
    assert [event["status"] for event in events] == [status]
    assert events[0]["reason"]


@pytest.mark.parametrize(("day", "status"), [(27, "deferred"), (28, "sent")])
def test_quiet_hours_follow_the_clocks_into_summer(mailing: Mailing, day: int, status: str) -> None:
    mailing.user()
    mailing.shop.credit("ann", 20, expiresAt="2027-04-02T00:00:00Z")
    assert mailing.prefer(timezone="Europe/Berlin", quiet_from="22:00", quiet_until="07:00") in SAVED
    mailing.run(datetime(2027, 3, day, 5, 30, tzinfo=UTC))
    assert mailing.statuses() == [status]


def test_what_was_deferred_leaves_after_the_quiet_hours(mailing: Mailing) -> None:
    mailing.user()
    mailing.lot()
    assert mailing.prefer(quiet_from="22:00", quiet_until="07:00") in SAVED
    mailing.run(noon().replace(hour=23))
    mailing.run(noon(2).replace(hour=6))
    assert "sent" not in mailing.statuses()
    mailing.run(noon(2).replace(hour=7, minute=30))
    assert mailing.statuses()[-1] == "sent"


def cap(mailing: Mailing, hours: int, signal: str = "expiring_points", **fields: Any) -> None:
    answer = mailing.shop.api.put(
        f"/nudge-campaigns/{signal}",
        {
            "signal": signal,
            "ttlHours": 1000,
            "frequencyCapHours": hours,
            "priority": 50,
            "channels": ["email"],
            "active": True,
            **fields,
        },
    )
    assert answer.status_code in (200, 201), answer.get_json()


def test_a_new_cause_within_the_cap_sends_nothing_and_says_why(mailing: Mailing) -> None:
    cap(mailing, 48)
    mailing.user()
    mailing.lot()
    mailing.run(noon())
    mailing.lot(days=6)
    mailing.run(noon() + 47 * HOUR)
    assert mailing.statuses().count("sent") == 1
    assert mailing.told()[-1]["status"] in ("suppressed", "deferred")
    assert mailing.told()[-1]["reason"]
    mailing.run(noon() + 49 * HOUR)
    assert mailing.statuses().count("sent") == 2


def test_the_cap_counts_all_channels_together(mailing: Mailing) -> None:
    cap(mailing, 48)
    mailing.user(phoneNumber="+4915112345678")
    mailing.lot()
    mailing.run(noon())
    cap(mailing, 48, channels=["sms"])
    mailing.lot(days=6)
    mailing.run(noon() + 24 * HOUR)
    assert [event["channel"] for event in mailing.told() if event["status"] == "sent"] == ["email"]


def test_the_day_of_a_member_has_a_cap_over_all_campaigns(mailing: Mailing) -> None:
    till = mailing.user()
    mailing.lot()
    till.plan(redemption(), share(), ttlHours=200)
    mailing.run(noon())
    mailing.run(noon() + HOUR)
    first = mailing.statuses()
    assert first.count("sent") == 2
    assert set(first) - {"sent"} <= {"suppressed", "deferred"}
    assert len(first) >= 3, "the third has a reason on record"
    mailing.run(noon(2) + HOUR)
    assert mailing.statuses().count("sent") == 3


@pytest.mark.parametrize(
    ("order", "user", "channel"),
    [
        (["sms", "email"], {}, "email"),
        (["sms", "email"], {"phoneNumber": "+4915112345678"}, "sms"),
        (["push", "sms", "email"], {"phoneNumber": "+4915112345678"}, "sms"),
        (["email", "sms"], {"phoneNumber": "+4915112345678"}, "email"),
    ],
)
def test_the_first_channel_that_fits_takes_it(
    mailing: Mailing, order: list[str], user: dict[str, str], channel: str
) -> None:
    cap(mailing, 48, channels=order)
    mailing.user(**user)
    mailing.lot()
    mailing.run(noon())
    assert [event["channel"] for event in mailing.told() if event["status"] == "sent"] == [channel]


def test_a_channel_that_the_member_turned_off_is_passed_over(mailing: Mailing) -> None:
    cap(mailing, 48, channels=["sms", "email"])
    mailing.user()
    mailing.lot()
    assert mailing.prefer(phone_number="+4915112345678", sms=None) in SAVED
    mailing.run(noon())
    assert [event["channel"] for event in mailing.told() if event["status"] == "sent"] == ["email"]


def test_who_can_be_reached_by_nothing_has_it_on_record(mailing: Mailing) -> None:
    cap(mailing, 48, channels=["sms"])
    mailing.user()
    mailing.lot()
    mailing.run(noon())
    (event,) = mailing.told()
    assert (event["status"], event["sentAt"]) == ("suppressed", None)
    assert event["reason"]


@pytest.mark.parametrize("status", ["acknowledged", "dismissed"])
def test_what_was_answered_is_not_sent(mailing: Mailing, status: str) -> None:
    till = mailing.user()
    mailing.lot()
    till.answer(till.nudges()["expiring_points"], status)
    mailing.run(noon())
    assert "sent" not in mailing.statuses()


def test_what_is_no_longer_so_is_not_sent(mailing: Mailing) -> None:
    till = mailing.user()
    till.plan(redemption(), share(), ttlHours=200)
    assert len(till.nudges()) == 2
    till.confirm(redemption())
    till.cancel(share())
    mailing.run(noon())
    assert "sent" not in mailing.statuses()


def test_an_inactive_campaign_sends_nothing(mailing: Mailing) -> None:
    mailing.user()
    mailing.lot()
    cap(mailing, 48, active=False)
    mailing.run(noon())
    assert "sent" not in mailing.statuses()


def test_the_list_is_filtered_by_user_and_status(mailing: Mailing) -> None:
    for name, consent in (("ann", True), ("ben", False), ("cat", True)):
        mailing.user(name, marketingMessages=consent)
        mailing.lot(name)
    mailing.run(noon())
    api = mailing.shop.api

    def users(**query: Any) -> set[str]:
        return {event["userId"] for event in api.get("/nudge-dispatches", query).get_json()["dispatches"]}

    assert users() == {"ann", "ben", "cat"}
    assert users(statuses="sent") == {"ann", "cat"}
    assert users(statuses=["sent", "suppressed"]) == {"ann", "ben", "cat"}
    assert users(statuses="suppressed", userId="ben") == {"ben"}
    assert users(statuses="sent", userId="ben") == set()
    assert users(statuses=["claimed", "failed", "uncertain"]) == set()
    for query in ({"statuses": "lost"}, {"statuses": ["sent", "lost"]}, {"limit": 0}, {"limit": 101}, {"limit": "x"}):
        assert api.get("/nudge-dispatches", query).status_code == 422, query


def test_the_list_is_walked_newest_first(mailing: Mailing) -> None:
    for number in range(5):
        mailing.user(f"user{number}")
        mailing.lot(f"user{number}")
    mailing.run(noon())
    api, seen, cursor = mailing.shop.api, [], None
    while True:
        answer = api.get("/nudge-dispatches", {"limit": 2, **({"cursor": cursor} if cursor else {})}).get_json()
        seen += answer["dispatches"]
        cursor = answer["nextCursor"]
        if not cursor:
            break
    assert len({event["id"] for event in seen}) == len(seen) == 5
    times = [datetime.fromisoformat(event["createdAt"]) for event in seen]
    assert times == sorted(times, reverse=True)
    foreign = api.get("/nudge-dispatches", {"limit": 2}).get_json()["nextCursor"]
    for query in ({"cursor": foreign, "statuses": "sent"}, {"cursor": foreign, "userId": "user1"}, {"cursor": "x"}):
        answer = api.get("/nudge-dispatches", query)
        assert (answer.status_code, answer.get_json()["code"]) == (400, "invalid_cursor")


def test_the_job_is_listed_with_its_name(committed_app: Portal) -> None:
    result = committed_app.test_cli_runner().invoke(args=["jobs", "list"])
    assert result.exit_code == 0
    line = next(line for line in result.output.splitlines() if JOB in line)
    assert "aggregate_loyalty_nudges" in line
