"""What a member is told of points that wait: by the API, on the hub, and in the console (EARNING 8.4)."""

import html
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal import ledger
from portal.accounts.models import User
from portal.ledger.models import EntryType
from portal.members.models import Member
from portal.platform import clock
from tests.factories.accounts import bearer, make_token, make_user, sign_in
from tests.factories.loyalty import RULES, make_member
from tests.factories.referrals import complete, rules
from tests.statements import counted

HUB = "/account/loyalty"
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def ada(session: Session) -> Member:
    """A member who reads the pages in Berlin."""
    return make_member(session, make_user(session, id="ada", timezone="Europe/Berlin"))


def put(
    session: Session, member: Member, points: int, reference: str, at: datetime, effect: str = "base:1", **fields: Any
) -> None:
    values = {"entry_type": EntryType.ORDER, "source": "order", **fields}
    credit = ledger.PendingCredit(
        member.id, points, external_id=reference, effect=effect, activates_at=at, qualifies_at=NOW, **values
    )
    ledger.put_aside(session, [credit], NOW)


def shown(client: FlaskClient, session: Session) -> dict[str, Any]:
    answer = client.get("/api/v1/loyalty/members/ada", headers=bearer(make_token(session, "admin")))
    assert answer.status_code == 200
    found: dict[str, Any] = answer.get_json()
    return found


def lines(page: str) -> list[str]:
    """What the page says of each credit that waits, as a reader sees it."""
    found = re.findall(r'<ul class="plain-list"(?: data-testid="pending-next")?>(.*?)</ul>', page, re.DOTALL)
    items = re.findall(r"<li>(.*?)</li>", " ".join(block for block in found if "point" in block), re.DOTALL)
    return [html.unescape(" ".join(re.sub(r"<[^>]+>", "", item).split())).replace(" ,", ",") for item in items]


def test_an_order_is_one_line_however_many_rules_granted_it(client: FlaskClient, session: Session, ada: Member) -> None:
    put(session, ada, 40, "A-1", NOW + 14 * DAY)
    put(session, ada, 8, "A-1", NOW + 14 * DAY, "extra:1")
    put(session, ada, 5, "A-2", NOW + 3 * DAY)
    put(session, ada, 9, "R", NOW + 20 * DAY, "referrer", source="referral", entry_type=EntryType.REFERRAL_BONUS)
    put(session, ada, 7, "A-1", NOW + 30 * DAY, "slow:1")
    document = shown(client, session)
    assert document["pending"] == {
        "total": 69,
        "next": [
            {"points": 5, "activatesAt": "2026-12-01T12:00:00+00:00", "orderReference": "A-2"},
            {"points": 48, "activatesAt": "2026-12-12T12:00:00+00:00", "orderReference": "A-1"},
            {"points": 9, "activatesAt": "2026-12-18T12:00:00+00:00", "orderReference": None},
            {"points": 7, "activatesAt": "2026-12-28T12:00:00+00:00", "orderReference": "A-1"},
        ],
    }
    assert (document["balance"], document["lifetimeEarned"], document["owed"]) == (0, 0, 0)


def test_ten_are_shown_and_all_are_counted(client: FlaskClient, session: Session, ada: Member) -> None:
    for number in range(12):
        put(session, ada, 10, f"A-{number}", NOW + (20 - number) * DAY)
    pending = shown(client, session)["pending"]
    assert pending["total"] == 120
    assert [item["orderReference"] for item in pending["next"]] == [f"A-{number}" for number in range(11, 1, -1)]


def test_what_became_active_or_was_taken_back_waits_no_more(client: FlaskClient, session: Session, ada: Member) -> None:
    for reference, days in (("A-1", 1), ("A-2", 2), ("A-3", 3)):
        put(session, ada, 10, reference, NOW + days * DAY)
    ledger.shrink(session, ada.id, "order", "A-2", "base:1", 10)
    ledger.shrink(session, ada.id, "order", "A-3", "base:1", 4)
    ledger.activate_due(session, NOW + DAY, rules=RULES)
    document = shown(client, session)
    assert document["balance"] == 10
    assert document["pending"]["total"] == 6
    assert [(item["points"], item["orderReference"]) for item in document["pending"]["next"]] == [(6, "A-3")]


def test_a_member_is_read_by_one_statement_with_what_waits(client: FlaskClient, session: Session, ada: Member) -> None:
    for number in range(12):
        put(session, ada, 10, f"A-{number}", NOW + number * DAY)
    headers = bearer(make_token(session, "member"), "ada")
    client.get("/api/v1/loyalty/members/ada", headers=headers)
    with counted(session) as sent:
        assert client.get("/api/v1/loyalty/members/ada", headers=headers).status_code == 200
    assert len(sent) == 1


def test_while_nothing_waits_the_table_is_not_read(session: Session, ada: Member) -> None:
    put(session, make_member(session), 10, "A-1", NOW)
    read = f"SELECT pending_next FROM loyalty_members m {ledger.NEXT_PENDING} WHERE id = :id"
    plan = "\n".join(session.scalars(text(f"EXPLAIN (ANALYZE) {read}"), {"id": ada.id}))
    assert "loyalty_pending_credits" in plan
    assert re.search(r"loyalty_pending_credits.*never executed", plan)


@pytest.mark.parametrize(
    ("zone", "at", "words"),
    [
        ("Europe/Berlin", "2026-12-12T09:00:00+00:00", "48 points on 12 December, for order A-1"),
        ("Europe/Berlin", "2026-12-11T23:30:00+00:00", "48 points on 12 December, for order A-1"),
        ("America/New_York", "2026-12-12T03:00:00+00:00", "48 points on 11 December, for order A-1"),
        ("Europe/Berlin", "2027-03-27T23:30:00+00:00", "48 points on 28 March 2027, for order A-1"),  # clocks change
        ("Europe/Berlin", "2027-03-28T22:30:00+00:00", "48 points on 29 March 2027, for order A-1"),
        ("Europe/Berlin", "2026-11-28T22:30:00+00:00", "48 points today, for order A-1"),
        ("Pacific/Auckland", "2026-11-28T11:59:00+00:00", "48 points soon, for order A-1"),
    ],
)
def test_the_hub_says_when_where_the_member_lives(
    client: FlaskClient, session: Session, ada: Member, zone: str, at: str, words: str
) -> None:
    user = session.get_one(User, "ada")
    user.timezone = zone
    put(session, ada, 48, "A-1", datetime.fromisoformat(at))
    sign_in(client, user)
    with clock.at(NOW):
        page = client.get(HUB).text
    assert 'data-testid="balance-pending" data-value="48"' in " ".join(page.split())
    assert lines(page) == [words]


def test_the_hub_folds_what_comes_later_and_counts_one_point_as_one(
    client: FlaskClient, session: Session, ada: Member
) -> None:
    for days in range(1, 6):
        put(session, ada, days, f"A-{days}", NOW + days * DAY)
    sign_in(client, session.get_one(User, "ada"))
    with clock.at(NOW):
        page = client.get(HUB).text
    assert lines(page)[0] == "1 point on 29 November, for order A-1"
    assert len(lines(page)) == 5
    assert "2 more" in page


def test_points_for_a_friend_wait_on_both_hubs(client: FlaskClient, session: Session, ada: Member) -> None:
    friend = make_member(session)
    complete(session, ada.referral_code, friend.user_id, at=NOW, under=rules(holding=14 * DAY))
    for member, words in ((ada, "500 points on 12 December"), (friend, "100 points on 12 December")):
        sign_in(client, session.get_one(User, member.user_id))
        with clock.at(NOW):
            assert lines(client.get(HUB).text) == [words]


def test_what_is_nothing_is_not_shown_and_what_is_owed_is(client: FlaskClient, session: Session, ada: Member) -> None:
    sign_in(client, session.get_one(User, "ada"))
    page = client.get(HUB).text
    assert ("balance-pending" in page, "balance-owed" in page) == (False, False)
    ada.owed = 380
    session.flush()
    page = client.get(HUB).text
    assert 'data-testid="balance-owed" data-value="380"' in page
    assert shown(client, session)["owed"] == 380


def test_an_order_reference_is_text_on_the_page(client: FlaskClient, session: Session, ada: Member) -> None:
    put(session, ada, 48, "<b>A&1</b>", NOW + DAY)
    sign_in(client, session.get_one(User, "ada"))
    with clock.at(NOW):
        page = client.get(HUB).text
    assert "<b>A&1" not in page
    assert "for order &lt;b&gt;A&amp;1&lt;/b&gt;" in page


def test_the_console_shows_total_next_and_owed(client: FlaskClient, session: Session, ada: Member) -> None:
    put(session, ada, 48, "A-1", NOW + 14 * DAY)
    ada.owed = 12
    session.flush()
    sign_in(client, make_user(session, role="operator"))
    with clock.at(NOW):
        page = client.get("/admin/members/ada").text
    assert lines(page) == ["48 points on 12 December, for order A-1"]
    found = re.findall(r'data-testid="(pending|owed)"><span class="figure">(\d+)<', page)
    assert found == [("pending", "48"), ("owed", "12")]
