"""Members from a file: checked row by row with nothing written, then all or nothing, each balance once."""

from datetime import timedelta
from io import BytesIO

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.accounts.models import AccountNotice, NotificationPreferences, User
from portal.imports.apply import TOPIC, apply_import
from portal.imports.models import ImportStatus, MemberImport, MemberImportRow
from portal.ledger.models import LedgerEntry, PointLot
from portal.ledger.verify import find_differences
from portal.members.models import Member
from portal.platform import clock, ids, outbox
from portal.platform.models import AuditEntry, OutboxMessage
from portal.tiers.qualification import UPGRADE_TOPIC
from tests.factories.accounts import csrf, make_user, sign_in
from tests.factories.loyalty import make_member, make_tier

NEW = "/admin/imports/new"
HEADS = "user_id,email,name,points,expires_at"


@pytest.fixture
def operator(session: Session, client: FlaskClient) -> FlaskClient:
    """A client in which an operator is signed in."""
    sign_in(client, make_user(session, id="olu", role="operator"))
    return client


def once(client: FlaskClient, **fields: object) -> dict[str, object]:
    return {"csrf_token": csrf(client), "idempotency_key": ids.encode(ids.new_id()), **fields}


def upload(client: FlaskClient, content: str | bytes) -> str:
    """Check a file; the path of its report, or the page that says why it cannot be read."""
    raw = content.encode() if isinstance(content, str) else content
    answer = client.post(NEW, data=once(client, file=(BytesIO(raw), "members.csv")))
    return answer.headers.get("Location") or answer.text


def confirm(client: FlaskClient, report: str, **fields: object) -> int:
    return client.post(f"{report}/apply", data=once(client, reason="moved here", **fields)).status_code


def work_off(session: Session) -> None:
    """What a worker does with confirmed imports."""
    for row in session.scalars(select(OutboxMessage).where(OutboxMessage.topic == TOPIC)).all():
        apply_import(outbox.Claimed(row.id, TOPIC, row.payload, 1, 1))
    session.expire_all()


def bring(session: Session, client: FlaskClient, content: str, **fields: object) -> MemberImport:
    """Check, confirm and apply."""
    report = upload(client, content)
    assert confirm(client, report, **fields) == 303
    work_off(session)
    return session.scalars(select(MemberImport).order_by(MemberImport.id.desc())).first() or pytest.fail("no import")


def problems(session: Session) -> dict[int, list[str]]:
    return {row.line: row.problems for row in session.scalars(select(MemberImportRow)) if row.problems}


def test_a_check_writes_nothing_but_its_report(operator: FlaskClient, session: Session) -> None:
    report = upload(operator, f"{HEADS}\nada,ada@example.com,Ada,500,never\nbob,bob@example.com,Bob,,\n")

    page = operator.get(report).text
    assert page.count('data-testid="row"') == 2
    assert 'data-status="checked"' in page
    assert session.get(User, "ada") is None
    assert session.scalar(select(func.count()).select_from(LedgerEntry)) == 0
    figures = session.scalars(select(MemberImport)).one().figures
    assert (figures["new"], figures["points"], figures["balances"], figures["refused"]) == (2, 500, 1, 0)


def test_a_confirmed_file_makes_users_members_lots_and_one_audit_entry(operator: FlaskClient, session: Session) -> None:
    make_tier(session, "bronze", 0)
    make_tier(session, "gold", 400)
    heads = "user_id,email,name,phone_number,timezone,locale,birthday,marketing_messages,points,expires_at"
    row = "ada,Ada@Example.com,Ada,+49 151 12345678,Europe/Berlin,de-DE,02-29,yes,500,2099-12-31"

    made = bring(session, operator, f"{heads}\n{row}\nbob,bob@example.com,Bob,,,,,,,\n")

    assert made.status == ImportStatus.APPLIED
    ada = session.get_one(User, "ada")
    assert (ada.email, ada.phone_number, ada.timezone, ada.locale, ada.birthday) == (
        "ada@example.com",
        "+4915112345678",
        "Europe/Berlin",
        "de-DE",
        "02-29",
    )
    bob = session.get_one(User, "bob")
    assert (ada.birthday_set_at, bob.birthday, bob.birthday_set_at) == (ada.created_at, None, None)
    assert session.get_one(NotificationPreferences, "ada").marketing_messages
    assert not session.get_one(NotificationPreferences, "bob").marketing_messages
    member = session.scalars(select(Member).where(Member.user_id == "ada")).one()
    assert (member.balance, member.lifetime_earned, member.tier_id is not None) == (500, 500, True)
    lot = session.scalars(select(PointLot)).one()
    assert (lot.points, lot.expires_at and lot.expires_at.isoformat()[:10]) == (500, "2099-12-31")
    assert "500 points came in by an adjustment: “Opening balance”" in operator.get("/admin/members/ada/ledger").text
    assert find_differences(session) == []
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "import.applied")).one()
    assert (entry.actor, entry.reason, (entry.after or {})["new"]) == ("user:olu", "moved here", 2)
    assert session.scalar(select(func.count()).where(OutboxMessage.topic == UPGRADE_TOPIC)) == 0


def test_tiers_are_announced_only_when_asked_for(operator: FlaskClient, session: Session) -> None:
    make_tier(session, "gold", 400)
    bring(session, operator, f"{HEADS}\nada,ada@example.com,Ada,500,\n", announce="y")
    assert session.scalar(select(func.count()).where(OutboxMessage.topic == UPGRADE_TOPIC)) == 1


def test_the_same_file_twice_credits_once(operator: FlaskClient, session: Session) -> None:
    content = f"{HEADS}\nada,ada@example.com,Ada,500,\n"
    bring(session, operator, content)
    again = bring(session, operator, content)

    assert (again.figures["unchanged"], again.figures["points"], again.figures["points_before"]) == (1, 0, 500)
    assert session.scalars(select(Member.balance).where(Member.user_id == "ada")).one() == 500


def test_another_key_is_another_balance(operator: FlaskClient, session: Session) -> None:
    for key in ("shop-a", "shop-b", "shop-a"):
        bring(session, operator, f"user_id,email,name,points,row_key\nada,ada@example.com,Ada,500,{key}\n")
    assert session.scalars(select(Member.balance).where(Member.user_id == "ada")).one() == 1000


def test_a_worker_that_comes_twice_finds_it_done(operator: FlaskClient, session: Session) -> None:
    bring(session, operator, f"{HEADS}\nada,ada@example.com,Ada,500,\n")
    work_off(session)
    assert session.scalar(select(func.count()).select_from(LedgerEntry)) == 1


def test_empty_cells_leave_what_a_user_has(operator: FlaskClient, session: Session) -> None:
    make_member(session, make_user(session, id="ada", name="Ada", marketing_messages=True), points=100)
    bring(session, operator, "user_id,name,marketing_messages,points\nada,,,50\n")

    assert session.get_one(User, "ada").name == "Ada"
    assert session.get_one(NotificationPreferences, "ada").marketing_messages
    assert session.scalars(select(Member.balance).where(Member.user_id == "ada")).one() == 150


@pytest.mark.parametrize(
    ("content", "kept", "is_new"),
    [
        ("user_id,name\nada,Ada King\n", "12-10", False),
        ("user_id,birthday\nada,\n", "12-10", False),
        ("user_id,name,birthday\nada,Ada King,12-10\n", "12-10", False),
        ("user_id,birthday\nada,02-29\n", "02-29", True),
        ("user_id;Birthday\nada; 01-31 \n", "01-31", True),
    ],
)
def test_a_birthday_in_a_file_is_entered_when_it_is_another_one(
    operator: FlaskClient, session: Session, content: str, kept: str, is_new: bool
) -> None:
    then = clock.now() - timedelta(days=90)
    make_user(session, id="ada", name="Ada", birthday="12-10", birthday_set_at=then)
    before = clock.now()
    bring(session, operator, content)

    ada = session.get_one(User, "ada")
    assert (ada.birthday, ada.birthday_set_at == then) == (kept, not is_new)
    assert not is_new or (ada.birthday_set_at or then) >= before


def test_a_file_that_tells_only_a_birthday_updates_and_the_same_again_does_not(
    operator: FlaskClient, session: Session
) -> None:
    make_member(session, make_user(session, id="ada"))
    content = "user_id,birthday\nada,12-10\n"
    figures = [bring(session, operator, content).figures for _ in range(2)]
    assert [(figure["updated"], figure["unchanged"]) for figure in figures] == [(1, 0), (0, 1)]


@pytest.mark.parametrize("cell", ["02-30", "13-01", "00-01", "2-3", "12/31", "1990-12-31", "31-12", "12-31 00:00"])
def test_a_birthday_that_is_no_day_refuses_its_row(operator: FlaskClient, session: Session, cell: str) -> None:
    upload(operator, f"user_id,email,name,birthday\nada,ada@example.com,Ada,{cell}\n")
    assert problems(session) == {
        2: [f"birthday: must be a day that exists, written MM-DD without the year, such as 12-31, and is “{cell}”"]
    }


def test_what_changed_since_the_check_refuses_the_whole_file(operator: FlaskClient, session: Session) -> None:
    report = upload(operator, f"{HEADS}\nada,ada@example.com,Ada,500,\nbob,bob@example.com,Bob,,\n")
    assert confirm(operator, report) == 303
    make_user(session, id="eve", email="bob@example.com")
    work_off(session)

    assert session.scalars(select(MemberImport.status)).one() == ImportStatus.REFUSED
    assert session.get(User, "ada") is None
    assert "check the file again" in operator.get(report).text


def test_a_file_with_refused_rows_or_confirmed_before_is_not_imported(operator: FlaskClient, session: Session) -> None:
    bad = upload(operator, f"{HEADS}\nada,ada@example.com,Ada,many,\n")
    assert confirm(operator, bad) == 409
    good = upload(operator, f"{HEADS}\nada,ada@example.com,Ada,1,\n")
    assert operator.post(f"{good}/apply", data=once(operator, reason=" ")).status_code == 422
    assert [confirm(operator, good), confirm(operator, good)] == [303, 409]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("a b,a@example.com,A,1,", "user_id: must be 1 to 64 characters"),
        (",a@example.com,A,1,", "user_id: is missing"),
        ("a,nobody,A,1,", "email: "),
        ("a,,A,1,", "email: is missing, and the user is new"),
        ("a,a@example.com,,1,", "name: is missing, and the user is new"),
        ("a,a@example.com,=cmd(),1,", "name: begins with =, like a formula"),
        ("a,a@example.com," + "x" * 121 + ",1,", "name: must have at most 120 characters"),
        ("a,a@example.com,A\x00,1,", "name: contains a character that cannot be stored"),
        ('a,a@example.com,"A\nB",1,', "name: contains a line break"),
        ("a,a@example.com,A\u202eB,1,", "name: contains a line break or another character that nobody sees"),
        ("a,a@example.com,\u200b,1,", "name: contains a line break or another character that nobody sees"),
        ("a,a@example.com,＝cmd(),1,", "name: begins with ＝, like a formula"),
        ("a,a@example.com,A,-5,", "points: must be a whole number"),
        ("a,a@example.com,A,1.5,", "points: must be a whole number"),
        ("a,a@example.com,A,99999999999,", "points: must be a whole number"),
        ("a,a@example.com,A,1,2001-01-01", "expires_at: must be in the future"),
        ("a,a@example.com,A,1,soon", "expires_at: must be a date"),
        ("a,a@example.com,A,1,2099-01-01T00:00:00", "expires_at: needs an offset"),
        ("a,a@example.com,A,1", "row: has 4 cells"),
        ("other,taken@example.com,A,1,", "email: belongs to another user"),
        ("olu,,,1,", "user_id: is an operator or admin"),
    ],
)
def test_a_row_is_refused_with_its_line_and_field(
    operator: FlaskClient, session: Session, row: str, problem: str
) -> None:
    make_user(session, id="taken", email="taken@example.com")
    report = upload(operator, f"{HEADS}\nok,ok@example.com,Ok,1,\n{row}\n")

    assert list(problems(session)) == [3]
    assert problems(session)[3][0].startswith(problem)
    assert operator.get(f"{report}?outcome=refused").text.count('data-testid="row"') == 1


def test_what_stands_twice_in_a_file_is_refused_the_second_time(operator: FlaskClient, session: Session) -> None:
    upload(operator, f"{HEADS}\na,a@example.com,A,1,\na,b@example.com,A,1,\nc,A@example.com,C,1,\n")
    assert problems(session) == {3: ["user_id: stands in line 2 already"], 4: ["email: stands in line 2 already"]}


@pytest.mark.parametrize(
    "content",
    [
        f"\ufeff{HEADS}\r\na,a@example.com,A,5,\r\n",
        "user_id;email;name;points\na;a@example.com;A;5\n",
        "user_id\temail\tname\tpoints\na\ta@example.com\tA\t5\n",
        'User ID,Email,"Name",Points\n\n"a","a@example.com","A","5"\n\n',
    ],
)
def test_spreadsheets_write_csv_in_their_own_ways(operator: FlaskClient, session: Session, content: str) -> None:
    upload(operator, content)
    row = session.scalars(select(MemberImportRow)).one()
    assert (row.user_id, row.name, row.points, row.problems) == ("a", "A", 5, [])


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "The file is empty"),
        (b"user_id\n\n\n", "There are no rows"),
        (b"email\na@example.com\n", "does not name the column user_id"),
        (b"user_id,user_id\na,b\n", "names a column twice"),
        (b"user_id,secret\na,b\n", "columns that are not known: secret"),
        ("user_id,name\na,Jürgen\n".encode("latin-1"), "Line 2 is not written in UTF-8"),
        ("user_id\na\n".encode("utf-16"), "written in UTF-16"),
        (b"user_id,name\na," + b"x" * 1_000_000 + b"\n", "Line 2 is longer than"),
        (b'user_id,name\na,"A"b\n', "The row that begins in line 2 is no CSV"),
        (b'user_id,name\na,"' + b"x\n" * 100_000, "The row that begins in line 2 is no CSV"),
    ],
)
def test_a_file_that_cannot_be_read_says_where(
    operator: FlaskClient, session: Session, content: bytes, problem: str
) -> None:
    assert problem in upload(operator, content)
    assert session.scalar(select(func.count()).select_from(MemberImport)) == 0


def test_too_many_rows_and_too_many_bytes_are_refused(operator: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operator.application.config["SETTINGS"], "import_max_rows", 2)
    assert "more than 2 rows" in upload(operator, "user_id\n" + "a\n" * 3)
    large = once(operator, file=(BytesIO(b"x" * (49 * 1024 * 1024)), "members.csv"))
    assert operator.post(NEW, data=large).status_code == 413


def test_the_template_is_a_file_that_can_be_imported(operator: FlaskClient, session: Session) -> None:
    upload(operator, operator.get("/admin/imports/template").data)
    assert problems(session) == {}


def test_two_thousand_members_are_imported_whole(operator: FlaskClient, session: Session) -> None:
    rows = "".join(f"m-{n},m{n}@example.com,M {n},{n + 1},\n" for n in range(2000))
    made = bring(session, operator, f"{HEADS}\n{rows}")

    assert (made.status, made.figures["new"]) == (ImportStatus.APPLIED, 2000)
    assert session.scalar(select(func.sum(Member.balance))) == sum(range(1, 2001))
    assert find_differences(session) == []


def test_what_passed_its_date_since_the_check_is_refused(
    operator: FlaskClient, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = upload(operator, f"{HEADS}\nada,ada@example.com,Ada,500,2099-12-31\n")
    assert confirm(operator, report) == 303
    later = clock.now().replace(year=2100)
    with clock.at(later):
        work_off(session)
    assert session.scalars(select(MemberImport.status)).one() == ImportStatus.REFUSED


def test_the_list_of_imports_and_a_report_are_exported(operator: FlaskClient) -> None:
    report = upload(operator, f"{HEADS}\nada,ada@example.com,Ada,many,\n")
    assert "members.csv" in operator.get("/admin/imports").text
    assert "points: must be" in operator.get(f"{report}?format=csv").text
    assert operator.get(f"/admin/imports/{ids.encode(ids.new_id())}").status_code == 404


def test_another_address_in_a_file_is_told_there_and_at_the_old_one(operator: FlaskClient, session: Session) -> None:
    for name in ("ada", "bob", "eve"):
        make_user(session, id=name, email=f"{name}@example.com")
    bring(
        session,
        operator,
        f"{HEADS}\nada,ada.new@example.com,Ada,,\nbob,BOB@example.com,Robert,,\neve,,Eva,,\nnew,new@example.com,New,,\n",
    )
    told = [(row.user_id, row.notice, row.email) for row in session.scalars(select(AccountNotice))]
    assert sorted(told, key=str) == [("ada", "email_changed", "ada@example.com"), ("ada", "email_changed", None)]
    asked = session.scalars(select(OutboxMessage).where(OutboxMessage.topic == "message.account_notice")).all()
    assert len(asked) == 2
    assert "example.com" not in str([row.payload for row in asked])
