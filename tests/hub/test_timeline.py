"""/app/api/loyalty/timeline."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal import ledger
from portal.accounts.models import User
from portal.members.models import Member
from portal.platform import clock, ids
from portal.platform.audit import Act
from portal.redemptions import lifecycle as redemptions
from portal.redemptions.lifecycle import HoldRules
from portal.redemptions.models import Redemption, RedemptionStatus
from portal.referrals.standing import cancel_invite
from tests.factories.accounts import bearer, make_token, make_user, sign_in
from tests.factories.loyalty import RULES, earn, make_member, make_reward
from tests.factories.referrals import DAY, complete, make_invite, rules
from tests.statements import counted

PATH = "/app/api/loyalty/timeline"
HTMX = {"HX-Request": "true"}
HOLDS = HoldRules(timedelta(days=30))
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def user(client: FlaskClient, session: Session) -> User:
    user = make_user(session)
    sign_in(client, user)
    return user


@pytest.fixture
def member(session: Session, user: User) -> Member:
    return make_member(session, user)


def redeem(session: Session, member: Member, points: int = 10, **fields: Any) -> Redemption:
    now = fields.pop("at", None) or clock.now()
    wish = redemptions.Wish(**{"points": points, "description": "Gift wrap", **fields})
    return redemptions.reserve_points(session, member.user_id, wish, Act("test", now), rules=HOLDS)


def close(session: Session, redemption: Redemption, status: str, reason: str = "Sold out") -> None:
    if status == RedemptionStatus.FULFILLED:
        redemptions.fulfill_redemption(session, redemption.id, Act("test", clock.now()))
    else:
        redemptions.release_redemption(
            session, redemption.id, RedemptionStatus(status), Act("test", clock.now(), reason)
        )


def page(client: FlaskClient, **query: Any) -> dict[str, Any]:
    answer = client.get(PATH, query_string=query)
    assert answer.status_code == 200, answer.get_json()
    return dict(answer.get_json())


def walk(client: FlaskClient, **query: Any) -> list[dict[str, Any]]:
    found, token = [], {}
    while True:
        part = page(client, **query, **token)
        found += part["items"]
        assert part["hasMore"] is (part["cursorToken"] is not None)
        if not part["hasMore"]:
            return found
        token = {"cursorToken": part["cursorToken"]}


def test_the_three_sources_come_newest_first_and_each_event_once(
    client: FlaskClient, session: Session, member: Member
) -> None:
    earn(session, member, 100, at=NOON)
    make_invite(session, member, at=NOON + timedelta(hours=1), name="Grace", under=rules(life=9_999 * DAY))
    redeem(session, member, 30, at=NOON + timedelta(hours=2))
    found = page(client)
    assert [(item["kind"], item["points"], item["status"]) for item in found["items"]] == [
        ("redemption", 30, "requested"),
        ("referral", 500, "sent"),
        ("ledger", 100, None),
    ]
    assert (found["cursorToken"], found["hasMore"]) == (None, False)
    assert set(found["items"][0]) == {
        "id",
        "kind",
        "occurredAt",
        "title",
        "detail",
        "points",
        "status",
        "metadata",
        "canRetry",
    }
    assert found["items"][0]["occurredAt"] == "2026-03-01T14:00:00+00:00"
    assert found["items"][1]["title"] == "You invited Grace"
    assert found["items"][1]["metadata"].keys() == {"referral_code", "channel"}


def test_a_redemption_and_its_debit_tell_one_story(client: FlaskClient, session: Session, member: Member) -> None:
    earn(session, member, 100)
    make_reward(session, "mug", 40, name="Mug")
    redemption = redeem(session, member, reward_slug="mug")
    close(session, redemption, "fulfilled")
    debit, asked, _ = page(client)["items"]
    assert (debit["title"], debit["points"], debit["kind"]) == ("Redeemed: Mug", -40, "ledger")
    assert (asked["title"], asked["status"]) == ("You asked for Mug", "fulfilled")
    assert debit["metadata"] == {"redemption_id": asked["id"]}
    assert asked["metadata"] == {"reward_slug": "mug", "failure_reason": None}


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_a_walk_shows_everything_once_in_order_also_where_times_tie_or_lie_in_the_past(
    client: FlaskClient, session: Session, member: Member, limit: int
) -> None:
    for minutes in (0, 0, 5, -300_000, 5, 0):
        at = NOON + timedelta(minutes=minutes)
        earn(session, member, 10, at=at)
        redeem(session, member, 1, at=at)
        make_invite(session, member, at=at)
    found = walk(client, limit=limit)
    assert len({item["id"] for item in found}) == len(found) == 18
    times = [item["occurredAt"] for item in found]
    assert times == sorted(times, reverse=True)
    at_noon = [item["kind"] for item in found if item["occurredAt"].startswith("2026-03-01T12:00")]
    assert at_noon == ["ledger"] * 3 + ["redemption"] * 3 + ["referral"] * 3


def test_what_is_written_during_a_walk_does_not_turn_up_among_older_events(
    client: FlaskClient, session: Session, member: Member
) -> None:
    for hours in range(4):
        earn(session, member, 10, at=NOON + timedelta(hours=hours))
    first = page(client, limit=2)
    make_invite(session, member)
    redeem(session, member, 1)
    earn(session, member, 10, at=NOON + timedelta(hours=2, minutes=30))
    second = page(client, limit=2, cursorToken=first["cursorToken"])
    assert [item["occurredAt"][11:13] for item in second["items"]] == ["13", "12"]


@pytest.mark.parametrize("kind", ["ledger", "redemption", "referral"])
def test_a_filter_shows_only_its_kind(client: FlaskClient, session: Session, member: Member, kind: str) -> None:
    earn(session, member, 10)
    redeem(session, member, 1)
    make_invite(session, member)
    assert [item["kind"] for item in page(client, types=kind)["items"]] == [kind]


def test_filters_are_alternatives_in_any_order(client: FlaskClient, session: Session, member: Member) -> None:
    for _ in range(2):
        earn(session, member, 10)
        make_invite(session, member)
    token = page(client, types=["referral", "ledger"], limit=1)["cursorToken"]
    rest = page(client, types=["ledger", "referral"], cursorToken=token)["items"]
    assert {item["kind"] for item in rest} == {"ledger", "referral"}
    everything = page(client, limit=1)["cursorToken"]
    assert len(page(client, types=["ledger", "redemption", "referral"], cursorToken=everything)["items"]) == 3


def test_a_cursor_that_is_edited_or_of_another_member_or_filter_is_refused(
    client: FlaskClient, session: Session, member: Member
) -> None:
    other = make_user(session)
    for person in (member, make_member(session, other)):
        for _ in range(2):
            earn(session, person, 10)
    token = page(client, limit=1)["cursorToken"]
    tried = [{"cursorToken": ("A" if token[0] != "A" else "B") + token[1:]}, {"cursorToken": "x"}]
    tried += [{"cursorToken": token, "types": "ledger"}]
    answers = [client.get(PATH, query_string=query) for query in tried]
    sign_in(client, other)
    answers.append(client.get(PATH, query_string={"cursorToken": token}))
    assert {(answer.status_code, answer.get_json()["code"]) for answer in answers} == {(400, "invalid_cursor")}
    assert {answer.content_type for answer in answers} == {"application/problem+json"}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("types=nudge", "types.0"),
        ("types=ledger&types=", "types.1"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("cursor=x", "cursor"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_its_name(client: FlaskClient, user: User, query: str, field: str) -> None:
    answer = client.get(f"{PATH}?{query}")
    assert (answer.status_code, answer.content_type) == (422, "application/problem+json")
    assert [error["field"] for error in answer.get_json()["errors"]] == [field]


def test_a_member_sees_only_their_own_whatever_the_header_says(client: FlaskClient, session: Session) -> None:
    mine, other = make_member(session, points=5), make_member(session, points=7)
    user = session.get_one(User, mine.user_id)
    theirs = other.user_id
    sign_in(client, user)
    answer = client.get(PATH, headers={"X-User-Id": theirs})
    assert [item["points"] for item in answer.get_json()["items"]] == [5]


def test_who_has_no_membership_yet_has_an_empty_timeline(client: FlaskClient, user: User) -> None:
    assert page(client) == {"items": [], "cursorToken": None, "hasMore": False}


def test_nobody_and_services_are_turned_away(client: FlaskClient, session: Session) -> None:
    answer = client.get(PATH)
    assert (answer.status_code, answer.get_json()["code"]) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    answer = client.get(PATH, headers={**HTMX, "HX-Current-URL": "http://localhost/account/loyalty"})
    assert (answer.status_code, answer.text) == (401, "")
    assert answer.headers["HX-Redirect"].startswith("/login?next=%2Faccount%2Floyalty")
    user_id = make_user(session).id
    for scope in ("member", "checkout", "orders", "admin"):
        answer = client.get(PATH, headers=bearer(make_token(session, scope), user_id))
        assert (answer.status_code, answer.get_json()["code"]) == (403, "forbidden")
    assert client.post(PATH).status_code == 405


def test_it_takes_two_statements_however_much_there_is(client: FlaskClient, session: Session, member: Member) -> None:
    for _ in range(15):
        earn(session, member, 10)
        redeem(session, member, 1)
        make_invite(session, member, under=rules(max_active=99))
    for headers in ({}, HTMX):
        with counted(session) as sent:
            assert client.get(PATH, headers=headers).status_code == 200
        assert len(sent) == 2, sent


def test_htmx_gets_a_part_that_stays_the_same_while_nothing_happens(
    client: FlaskClient, session: Session, member: Member
) -> None:
    earn(session, member, 100, at=NOON)
    close(session, redeem(session, member, at=NOON), "failed")
    first = client.get(PATH, headers=HTMX)
    assert (first.status_code, first.mimetype, "<html" in first.text) == (200, "text/html", False)
    assert first.text.count('data-testid="timeline-item"') == 2
    assert 'data-testid="retry-redemption"' in first.text
    again = client.get(PATH, headers={**HTMX, "If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    assert client.get(PATH, headers={"If-None-Match": first.headers["ETag"]}).mimetype == "application/json"


def test_htmx_goes_on_below_the_heading_of_the_day_shown_last(
    client: FlaskClient, session: Session, member: Member
) -> None:
    for hours in (0, 1, 2):
        earn(session, member, 10, at=NOON + timedelta(hours=hours))
    earn(session, member, 10, at=NOON - DAY)
    token = page(client, limit=2)["cursorToken"]
    more = client.get(PATH, query_string={"limit": 1, "cursorToken": token}, headers=HTMX).text
    assert "timeline__day" not in more
    assert 'data-testid="timeline-more"' in more
    rest = client.get(PATH, query_string={"cursorToken": token}, headers=HTMX).text
    assert 'data-day="2026-02-28"' in rest
    assert 'data-testid="timeline-more"' not in rest


@pytest.mark.parametrize(
    ("status", "reason", "detail"),
    [
        ("fulfilled", "", "The shop has confirmed it. It took 10 points."),
        ("failed", "Inventory depleted", "Inventory depleted. Your 10 points are back."),
        ("failed", "provider_timeout_7", "It did not work out. Your 10 points are back."),
        ("cancelled", "cancelled_by_member", "You cancelled it. Your 10 points are back."),
        ("cancelled", "Changed my mind!", "Changed my mind! Your 10 points are back."),
        ("cancelled", "hold_expired", "It waited too long for the shop. Your 10 points are back."),
    ],
)
def test_how_a_redemption_ended_is_said_without_internal_names(
    client: FlaskClient, session: Session, member: Member, status: str, reason: str, detail: str
) -> None:
    earn(session, member, 100)
    close(session, redeem(session, member), status, reason)
    item = page(client, types="redemption")["items"][0]
    assert (item["status"], item["detail"]) == (status, detail)
    assert item["canRetry"] is (status == "failed")


def test_an_invite_is_told_by_what_became_of_it(client: FlaskClient, session: Session, member: Member) -> None:
    invites = [make_invite(session, member, name=name) for name in ("Ada", "Bob", "Cyd")]
    make_invite(session, member, at=clock.now() - 200 * DAY)
    complete(session, invites[0].code, make_user(session).id)
    cancel_invite(session, invites[1].id, Act("test", clock.now()))
    told = {(item["title"], item["status"]) for item in page(client, types="referral")["items"]}
    assert told == {
        ("Ada joined", "converted"),
        ("You took back the invite for Bob", "cancelled"),
        ("You invited Cyd", "sent"),
        ("The invite for a friend ran out", "expired"),
    }
    assert ids.parse(page(client)["items"][0]["id"]) is not None


def test_points_for_a_friend_arrive_soon_until_they_are_there(
    client: FlaskClient, session: Session, member: Member
) -> None:
    complete(session, make_invite(session, member).code, make_user(session).id, under=rules(holding=DAY))
    complete(session, make_invite(session, member, name="Bob").code, make_user(session).id)

    def details() -> list[str]:
        return [item["detail"] for item in page(client, types="referral")["items"]]

    assert details() == ["You got 500 points for it.", "Your 500 points for it arrive soon."]
    ledger.activate_due(session, clock.now() + DAY, rules=RULES)
    assert details() == ["You got 500 points for it."] * 2
