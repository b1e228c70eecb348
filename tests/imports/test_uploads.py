"""A file of members as it comes in: what its times may be, and that another file is another request."""

from io import BytesIO

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from portal.imports.models import MemberImport
from tests.factories.accounts import csrf, make_user
from tests.factories.loyalty import make_member
from tests.imports.test_imports import HEADS, NEW, once, operator, upload

__all__ = ["operator"]
LATE = ("9999-12-31T23:59:59-05:00", "9999-12-31", "9999-12-30T00:00:00+00:00")


@pytest.mark.parametrize("expiry", LATE)
def test_an_expiry_that_nobody_could_read_again_is_refused(
    operator: FlaskClient, session: Session, expiry: str
) -> None:
    report = upload(operator, f"{HEADS}\nada,ada@example.com,Ada,500,{expiry}\n")

    assert operator.get(report).status_code == 200
    assert session.scalars(select(MemberImport)).one().figures["refused"] == 1


def check(client: FlaskClient, user_id: str, headers: dict[str, str] | None = None) -> TestResponse:
    content = f"{HEADS}\n{user_id},{user_id}@example.com,Name,,\n".encode()
    fields = {"csrf_token": csrf(client), "file": (BytesIO(content), "members.csv")}
    return client.post(NEW, data=fields, headers=headers)


def test_another_file_in_the_form_that_was_sent_before_is_checked_too(operator: FlaskClient, session: Session) -> None:
    assert "idempotency_key" not in operator.get(NEW).text

    places = [check(operator, name).headers["Location"] for name in ("ada", "bob")]

    assert places[0] != places[1]
    assert session.scalar(select(func.count()).select_from(MemberImport)) == 2


def test_a_key_stands_for_one_file(operator: FlaskClient, session: Session) -> None:
    key = {"Idempotency-Key": "monday"}

    answers = [check(operator, name, key) for name in ("ada", "ada", "bob")]

    assert [answer.status_code for answer in answers] == [303, 303, 422]
    assert answers[0].headers["Location"] == answers[1].headers["Location"]
    assert session.scalar(select(func.count()).select_from(MemberImport)) == 1


def test_an_adjustment_expires_when_everybody_can_read_it(operator: FlaskClient, session: Session) -> None:
    make_member(session, make_user(session, id="ada"))
    fields = {"reason": "gift", "points": "5", "expiry": "date", "description": "A gift"}

    late = operator.post("/admin/members/ada/adjust", data=once(operator, **fields, expires_on="9999-12-31"))
    soon = operator.post("/admin/members/ada/adjust", data=once(operator, **fields, expires_on="2999-12-31"))

    assert (late.status_code, soon.status_code) == (422, 303)
