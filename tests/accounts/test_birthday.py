"""`users.birthday`: any day without its year, and since when it stands as it does (CONTRACT-EARNING 8.3)."""

from datetime import date, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.accounts import clean_birthday
from portal.accounts.models import User
from portal.accounts.preferences import put_birthday
from portal.platform import clock
from portal.platform.models import AuditEntry
from tests.factories.accounts import bearer, make_token, make_user

DAYS = {f"{date(2024, 1, 1) + timedelta(days=n):%m-%d}" for n in range(366)}
PATH = "/api/v1/users/ada"
ADA = {"email": "ada@example.com", "name": "Ada"}


def put(client: FlaskClient, session: Session, **fields: Any) -> Any:
    return client.put(PATH, json={**ADA, **fields}, headers=bearer(make_token(session, "admin")))


def is_accepted(value: str) -> bool:
    try:
        return clean_birthday(value) == value
    except ValueError:
        return False


def test_each_day_of_a_leap_year_is_accepted_and_nothing_else() -> None:
    numbers = [f"{number:02}" for number in range(100)]
    assert {f"{month}-{day}" for month in numbers for day in numbers if is_accepted(f"{month}-{day}")} == DAYS
    for value in ("2-3", "02-3", "0203", "02/03", "02-03\n", " 02-03", "2024-02-03", "٠٢-٠٣", ""):
        assert not is_accepted(value)


@pytest.mark.parametrize("value", ["02-30", "04-31", "13-01", "00-01", "01-00", "2-3", "02-03\n", "2024-02-03", ""])
def test_the_database_refuses_what_is_no_day(session: Session, value: str) -> None:
    with pytest.raises(IntegrityError, match="birthday_form"):
        make_user(session, birthday=value, birthday_set_at=clock.now())


def test_the_database_takes_every_day_and_wants_to_know_since_when(session: Session) -> None:
    for day in DAYS:
        make_user(session, birthday=day, birthday_set_at=clock.now())
    for half in ({"birthday": "02-29"}, {"birthday_set_at": clock.now()}):
        with pytest.raises(IntegrityError, match="birthday_set"), session.begin_nested():
            make_user(session, **half)


def test_the_shop_tells_changes_and_clears_it(client: FlaskClient, session: Session) -> None:
    start = clock.now()
    for days, fields, birthday, entered in (
        (0, {"birthday": "12-10"}, "12-10", 0),
        (1, {"birthday": "12-10"}, "12-10", 0),
        (2, {"name": "Ada King"}, "12-10", 0),
        (3, {"birthday": "02-29"}, "02-29", 3),
        (4, {"birthday": None}, None, None),
        (5, {"birthday": None}, None, None),
        (6, {"birthday": "02-29"}, "02-29", 6),
    ):
        with clock.at(start + timedelta(days=days)):
            assert put(client, session, **fields).get_json()["birthday"] == birthday
        ada = session.get_one(User, "ada", populate_existing=True)
        assert ada.birthday_set_at == (None if entered is None else start + timedelta(days=entered))
    answer = client.get(PATH, headers=bearer(make_token(session, "admin")))
    assert answer.get_json()["birthday"] == "02-29"


def test_the_same_again_is_no_change_and_another_is_audited(client: FlaskClient, session: Session) -> None:
    put(client, session, birthday="12-10")
    put(client, session, birthday="12-10")
    put(client, session, birthday="02-29")
    rows = session.scalars(select(AuditEntry).where(AuditEntry.object_id == "ada").order_by(AuditEntry.id)).all()
    told = [((row.before or {}).get("birthday"), (row.after or {}).get("birthday")) for row in rows]
    assert [row.action for row in rows] == ["user.create", "user.update"]
    assert told == [(None, "12-10"), ("12-10", "02-29")]


@pytest.mark.parametrize("value", ["02-30", "13-01", "2-3", "1990-02-03", ""])
def test_a_bad_one_is_refused_in_one_plain_sentence(client: FlaskClient, session: Session, value: str) -> None:
    answer = put(client, session, birthday=value)
    words = "must be a day that exists, written MM-DD without the year, such as 12-31"
    assert (answer.status_code, answer.get_json()["errors"]) == (422, [{"field": "birthday", "message": words}])


def test_the_member_tells_it_and_its_date_of_entry_stays_while_it_does(session: Session) -> None:
    user, start = make_user(session), clock.now()
    for days, birthday, entered in (
        (0, "02-29", 0),
        (1, "02-29", 0),
        (2, "03-01", 2),
        (3, None, None),
        (4, None, None),
    ):
        with clock.at(start + timedelta(days=days)):
            put_birthday(session, user.id, birthday)
        session.refresh(user)
        wanted = None if entered is None else start + timedelta(days=entered)
        assert (user.birthday, user.birthday_set_at) == (birthday, wanted)


def test_the_birthdays_of_a_day_are_found_by_an_index_in_the_order_of_ids(session: Session) -> None:
    for number in range(60):
        make_user(session, id=f"u-{number:02}", birthday=f"{number % 12 + 1:02}-29", birthday_set_at=clock.now())
    session.execute(text("SET LOCAL enable_seqscan = off"))
    session.execute(text("SET LOCAL enable_bitmapscan = off"))
    of_today = "SELECT id FROM users WHERE birthday = '02-29' AND id > 'u-01' ORDER BY id LIMIT 3"
    plan = "\n".join(session.scalars(text(f"EXPLAIN {of_today}")))
    assert "ix_users_birthday" in plan
    assert "Sort" not in plan
    assert session.scalars(text(of_today)).all() == ["u-13", "u-25", "u-37"]
