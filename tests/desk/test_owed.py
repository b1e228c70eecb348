"""What members owe, in the consoles: from which entries, written off with a reason, and everybody who owes."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from portal import ledger
from portal.ledger.models import EntryType
from portal.ledger.verify import find_differences
from portal.members.models import Member
from portal.platform import clock, ids
from portal.platform.models import AuditEntry
from tests.factories.accounts import csrf, make_user, sign_in
from tests.factories.loyalty import RULES, earn, make_member, owe
from tests.statements import counted

MEMBERS, OWED = "/admin/members", "/admin/owed"


@pytest.fixture
def operator(session: Session, client: FlaskClient) -> FlaskClient:
    """A client in which an operator is signed in."""
    sign_in(client, make_user(session, id="olu", role="operator"))
    return client


def make_debtor(session: Session, user_id: str, points: int) -> Member:
    member = make_member(session, make_user(session, id=user_id, name=user_id.title()))
    owe(session, member, points)
    return member


def rows(page: str) -> list[str]:
    """The members that a page of the list shows, in its order."""
    return re.findall(rf'href="{MEMBERS}/([a-z0-9-]+)/write-off"', page)


def figures(page: str) -> list[int]:
    """The figures of the table of debts, row by row."""
    table = page.partition('data-testid="debts"')[2].partition("</table>")[0]
    return [int(each) for each in re.findall(r'<span class="figure">(\d+)</span>', table)]


def test_a_member_page_says_what_is_owed_from_which_entries(operator: FlaskClient, session: Session) -> None:
    member = make_debtor(session, "ada", 100)
    now, kind = clock.now(), EntryType.EVENT
    brought = ledger.credit(member.id, 30, kind, source="event", external_id="x", rules=RULES, at=now)
    ledger.post(session, [brought], now)
    page = operator.get(f"{MEMBERS}/ada").text
    assert figures(page) == [100, 30, 0, 70]
    entry_id = session.scalars(text("SELECT entry_id FROM loyalty_owed")).one()
    assert f"{MEMBERS}/ada/ledger/{ids.encode(entry_id)}" in page


def test_the_ledger_says_what_could_not_be_taken_and_what_paid_it(operator: FlaskClient, session: Session) -> None:
    member = make_debtor(session, "ada", 100)
    now, kind = clock.now(), EntryType.EVENT
    brought = ledger.credit(member.id, 30, kind, source="event", external_id="x", rules=RULES, at=now)
    ledger.post(session, [brought], now)
    page = operator.get(f"{MEMBERS}/ada/ledger").text
    assert "; 100 could not be and are owed." in page
    assert "30 points settled what was owed: 30 of “Bonus for an event”" in page


def test_who_owes_nothing_has_no_such_part(operator: FlaskClient, session: Session) -> None:
    make_member(session, make_user(session, id="ada"), points=5)
    page = operator.get(f"{MEMBERS}/ada").text
    assert 'data-testid="debts"' not in page
    assert "write-off" not in page


def test_many_debts_are_cut_and_counted(operator: FlaskClient, session: Session) -> None:
    member = make_debtor(session, "ada", 10)
    session.execute(
        text("""
            INSERT INTO loyalty_ledger_entries (member_id, seq, id, occurred_at, entry_type, amount, balance_after,
                qualifying, qualifies_at, posted_at, programme_version, metadata, source, external_id, effect)
            SELECT member_id, seq + n, new_ulid(now()), occurred_at, entry_type, 0, 0, 0, qualifies_at, posted_at,
                   programme_version, '{}', 'test', n::text, 'reverse'
            FROM loyalty_ledger_entries CROSS JOIN generate_series(1, 24) n
            WHERE member_id = :id AND entry_type = 'reversal'
        """),
        {"id": member.id},
    )
    session.execute(
        text("""
            INSERT INTO loyalty_owed (member_id, entry_id, points, owed_at)
            SELECT member_id, id, 3, now() + interval '1 day' FROM loyalty_ledger_entries WHERE source = 'test'
        """)
    )
    member.owed = 10 + 24 * 3
    session.flush()
    page = operator.get(f"{MEMBERS}/ada").text
    assert len(figures(page)) == 4 * 20
    assert "15 more points are owed from later entries" in page


def send(client: FlaskClient, user_id: str, **fields: str) -> tuple[int, str]:
    form = {"csrf_token": csrf(client), "idempotency_key": ids.encode(ids.new_id()), "reason": "A regular", **fields}
    answer = client.post(f"{MEMBERS}/{user_id}/write-off", data=form)
    return answer.status_code, answer.text


@pytest.mark.parametrize(("points", "left"), [("380", 0), ("100", 280), ("1", 379)])
def test_the_form_says_before_and_after_and_writes_off(
    operator: FlaskClient, session: Session, points: str, left: int
) -> None:
    member = make_debtor(session, "ada", 380)
    asked = operator.get(f"{MEMBERS}/ada/write-off").text
    assert "380 → 0 points owed" in asked
    assert 'value="380"' in asked
    assert send(operator, "ada", points=points)[0] == 303
    assert f"Written off: 380 → {left} points owed." in operator.get(f"{MEMBERS}/ada").text
    session.refresh(member)
    assert member.owed == left
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "owed.write_off")).one()
    assert (entry.actor, entry.reason, entry.before, entry.after) == (
        "user:olu",
        "A regular",
        {"owed": 380},
        {"owed": left},
    )
    assert find_differences(session) == []


@pytest.mark.parametrize("points", ["381", "0", "-1", "", "x"])
def test_what_cannot_be_is_refused_beside_its_field(operator: FlaskClient, session: Session, points: str) -> None:
    member = make_debtor(session, "ada", 380)
    status, page = send(operator, "ada", points=points)
    assert status == 422
    assert "points" in page
    session.refresh(member)
    assert member.owed == 380


def test_it_needs_a_reason(operator: FlaskClient, session: Session) -> None:
    make_debtor(session, "ada", 380)
    assert send(operator, "ada", points="380", reason=" ")[0] == 422


def test_who_owes_nothing_any_more_is_led_back(operator: FlaskClient, session: Session) -> None:
    make_member(session, make_user(session, id="ada"))
    answer = operator.get(f"{MEMBERS}/ada/write-off", follow_redirects=True)
    assert "They owe no points." in answer.text
    assert operator.get(f"{MEMBERS}/nobody/write-off").status_code == 404


def test_the_list_shows_who_owes_most_first(operator: FlaskClient, session: Session) -> None:
    for user_id, points in (("ann", 20), ("ben", 300), ("cleo", 100)):
        make_debtor(session, user_id, points)
    make_member(session, make_user(session, id="dora"), points=40)
    assert rows(operator.get(OWED).text) == ["ben", "cleo", "ann"]
    assert rows(operator.get(f"{OWED}?sort=owed").text) == ["ann", "cleo", "ben"]
    assert f'href="{OWED}"' in operator.get(MEMBERS).text
    assert "written off" in operator.get(OWED).text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("over=20", ["ben", "cleo"]),
        ("over=19", ["ben", "cleo", "ann"]),
        ("over=300", []),
        ("member=cleo", ["cleo"]),
        ("status=suspended", ["ann"]),
        ("over=20&status=suspended", []),
    ],
)
def test_the_list_is_narrowed(operator: FlaskClient, session: Session, query: str, found: list[str]) -> None:
    for user_id, points in (("ann", 20), ("ben", 300), ("cleo", 100)):
        make_debtor(session, user_id, points)
    session.scalars(select(Member).where(Member.user_id == "ann")).one().status = "suspended"
    session.flush()
    assert rows(operator.get(f"{OWED}?{query}").text) == found


@pytest.mark.parametrize("over", ["x", "-1", "1.5", "٣", "9" * 30])
def test_a_number_that_is_none_is_refused(operator: FlaskClient, over: str) -> None:
    assert operator.get(OWED, query_string={"over": over}).status_code == 422


def test_the_list_is_exported(operator: FlaskClient, session: Session) -> None:
    make_debtor(session, "ann", 20)
    lines = operator.get(f"{OWED}?format=csv").text.splitlines()
    assert len(lines) == 2
    assert "owed" in lines[0].split(",")
    assert lines[1].startswith("ann,Ann,active,20,1,")


def test_the_list_follows_its_index(session: Session) -> None:
    session.execute(text("SET LOCAL enable_seqscan = off"))
    session.execute(text("SET LOCAL enable_bitmapscan = off"))
    page = "SELECT id FROM loyalty_members WHERE owed > 0 ORDER BY owed DESC, id DESC LIMIT 26"
    found = "\n".join(session.scalars(text(f"EXPLAIN {page}")))
    assert "ix_loyalty_members_owed" in found
    assert "Sort" not in found


def test_the_list_reads_as_much_for_many_as_for_few(operator: FlaskClient, session: Session) -> None:
    make_debtor(session, "ann", 20)
    with counted(session) as few:
        operator.get(OWED)
    for number in range(30):
        make_debtor(session, f"m-{number}", 5 + number)
    with counted(session) as many:
        operator.get(OWED)
    assert len(many) == len(few) <= 8


def test_the_hub_says_it_in_words(client: FlaskClient, session: Session) -> None:
    user = make_user(session, id="ada")
    member = make_member(session, user)
    owe(session, member, 120)
    sign_in(client, user)
    page = " ".join(client.get("/account/loyalty").text.split())
    assert "120 points will be settled with your next purchases" in page
    owed_before = datetime.now(UTC) - timedelta(days=1)
    earn(session, member, 119, at=owed_before)
    assert "1 point will be settled with your next purchases" in " ".join(client.get("/account/loyalty").text.split())
    assert "Settled from points owed" in client.get("/account/loyalty").text
