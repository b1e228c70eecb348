"""Somebody who is added to the staff by address: only who reads its mail gets in."""

from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.accounts.access import add_staff
from portal.accounts.models import User
from portal.accounts.passwords import verify_password
from portal.platform import clock
from portal.platform.audit import Act
from portal.platform.models import OutboxMessage
from tests.factories.accounts import make_user, sign_in


def add(session: Session, email: str, role: str = "admin") -> User:
    return add_staff(session, Act("user:amy", clock.now(), "as agreed"), email=email, name="", role=role)


def links(session: Session) -> list[str]:
    asked = select(OutboxMessage.payload).where(OutboxMessage.topic == "message.password_reset")
    return [payload["user_id"] for payload in session.scalars(asked)]


def test_who_registered_with_the_address_before_does_not_get_in(client: FlaskClient, session: Session) -> None:
    stranger = make_user(session, id="eve", email="new@shop.example", password="chosen-by-eve-1")
    sign_in(client, stranger)

    assert add(session, "New@Shop.example").role == "admin"

    assert client.get("/admin/").status_code == 303
    session.refresh(stranger)
    assert not verify_password(stranger, "chosen-by-eve-1")
    assert links(session) == ["eve"]


def test_staff_who_get_another_role_keep_their_password(client: FlaskClient, session: Session) -> None:
    olu = make_user(session, email="olu@shop.example", role="operator", password="chosen-by-olu-1")
    sign_in(client, olu)

    add(session, "olu@shop.example")

    assert client.get("/admin/").status_code == 200
    assert verify_password(olu, "chosen-by-olu-1")
    assert links(session) == []


def test_staff_take_over_an_address_that_nobody_has_confirmed(client: FlaskClient, session: Session) -> None:
    stranger = make_user(session, id="eve", email="new@shop.example", email_verified_at=None, password="by-eve-12345")
    sign_in(client, stranger)

    added = add(session, "New@Shop.example")

    session.refresh(stranger)
    assert (stranger.email, stranger.role) == (None, "member")
    assert (added.email, added.role, added.email_verified_at is None) == ("new@shop.example", "admin", False)
    assert links(session) == [added.id]
    assert client.get("/account/loyalty").status_code == 303
