"""What the nightly purge deletes of accounts, and what it leaves."""

from datetime import timedelta

from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.accounts.models import Registration, User
from portal.jobs.web.nightly import purge_old_records
from portal.platform import clock
from portal.platform.steps import Shard
from tests.factories.accounts import csrf, make_user
from tests.factories.loyalty import make_member

OLD = timedelta(days=31)


def purge() -> None:
    for step in purge_old_records(clock.now()):
        while step.work(Shard(0, 1)):
            pass


def test_accounts_that_were_never_confirmed_nor_used_are_deleted(client: FlaskClient, session: Session) -> None:
    long_ago = clock.now() - OLD
    for name, fields in {
        "abandoned": {"email_verified_at": None},
        "verified": {},
        "without-address": {"email": None},
        "staff": {"email_verified_at": None, "role": "operator"},
    }.items():
        make_user(session, id=name, created_at=long_ago, **fields)
    make_user(session, id="new", email_verified_at=None)
    make_member(session, make_user(session, id="used", created_at=long_ago, email_verified_at=None))
    purge()
    assert sorted(session.scalars(select(User.id))) == ["new", "staff", "used", "verified", "without-address"]


def test_registrations_are_kept_for_thirty_days(client: FlaskClient, session: Session) -> None:
    form = {"name": "Ada", "email": "ada@example.com", "password": "correct horse battery"}
    client.post("/register", data={**form, "csrf_token": csrf(client)})
    purge()
    registration = session.scalars(select(Registration)).one()
    registration.created_at = clock.now() - OLD
    session.flush()
    purge()
    assert session.scalars(select(Registration.id)).all() == []
