"""A role that changes: staff begin with a link of their own, and who has fewer rights is out (S15, S20)."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.accounts import access, tokens
from portal.accounts.access import add_staff
from portal.accounts.models import ApiToken, User
from portal.accounts.passwords import make_reset_token
from portal.accounts.reset import request_reset
from portal.platform import clock
from portal.platform.audit import Act
from portal.platform.models import AuditEntry, OutboxMessage
from tests.accounts.test_console import form
from tests.accounts.test_login import PASSWORD, log_in
from tests.accounts.test_login_throttle import stranger
from tests.factories.accounts import bearer, make_token, make_user, sign_in

ROLE = "/admin/access/users/eve/role"


@pytest.fixture
def eve(client: FlaskClient, session: Session) -> User:
    """Somebody who registered with an address that may not be hers; `client` is signed in as her."""
    user = make_user(session, id="eve", email="new@shop.example", password=PASSWORD)
    log_in(client, user.email)
    return user


def by_console(client: FlaskClient, session: Session, role: str) -> None:
    admin = stranger(client)
    sign_in(admin, make_user(session, id="amy", role="admin"))
    assert "signed out" in admin.get(ROLE).text
    assert admin.post(ROLE, data=form(admin, role=role)).status_code == 303


def by_address(_: FlaskClient, session: Session, role: str) -> None:
    add_staff(session, Act("user:amy", clock.now(), "as agreed"), email="NEW@shop.example", name="", role=role)


def by_service(_: FlaskClient, session: Session, role: str) -> None:
    access.set_role(session, "eve", role, Act("cli", clock.now()))


@pytest.mark.parametrize("role", ["operator", "admin"])
@pytest.mark.parametrize("change", [by_console, by_address, by_service])
def test_whoever_registered_the_address_does_not_become_staff_with_it(
    client: FlaskClient, session: Session, eve: User, change: Callable[..., None], role: str
) -> None:
    link = make_reset_token(eve)
    request_reset(session, eve.email)

    change(client, session, role)

    assert client.get("/account/loyalty").status_code == 303
    assert log_in(client, eve.email).status_code == 422
    assert client.get(f"/password/reset/{link}").status_code == 410, "a link of before is dead"
    sent = session.scalars(select(OutboxMessage.payload).where(OutboxMessage.topic == "message.password_reset"))
    assert [payload["user_id"] for payload in sent] == ["eve", "eve"], "one of their own, although one was asked for"
    assert session.get_one(User, "eve").role == role


@pytest.mark.parametrize(("before", "after"), [("admin", "operator"), ("admin", "member"), ("operator", "member")])
def test_who_comes_to_have_fewer_rights_is_signed_out(
    client: FlaskClient, session: Session, before: str, after: str
) -> None:
    make_user(session, id="amy", role="admin")
    olu = make_user(session, id="olu", role=before, email="olu@shop.example", password=PASSWORD)
    row = sign_in(client, olu)

    access.set_role(session, "olu", after, Act("user:amy", clock.now()))

    session.refresh(row)
    assert row.revoked_at is not None
    assert log_in(client, olu.email).status_code == 303, "their password stays"


def dismiss(session: Session, how: str) -> None:
    if how == "disable":
        access.disable_user(session, "boss", Act("user:amy", clock.now()))
    else:
        access.set_role(session, "boss", how, Act("user:amy", clock.now()))


@pytest.mark.parametrize("how", ["disable", "operator", "member"])
def test_a_dismissed_admins_tokens_end_with_them(client: FlaskClient, session: Session, how: str) -> None:
    make_user(session, id="amy", role="admin")
    make_user(session, id="boss", role="admin")
    _, secret = tokens.create_token(session, Act("user:boss", clock.now()), name="theirs", scopes=["admin"])
    others = [make_token(session, "member", created_by=by) for by in ("user:amy", "cli", "", "user:boss2")]
    assert client.get("/api/v1/loyalty/tiers", headers=bearer(secret)).status_code == 200

    dismiss(session, how)

    assert client.get("/api/v1/loyalty/tiers", headers=bearer(secret)).status_code == 401
    for other in others:
        assert client.get("/api/v1/loyalty/tiers", headers=bearer(other)).status_code == 200
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "token.revoke")).one()
    assert (entry.actor, entry.object_id) == ("user:amy", "theirs")
    assert "Who made it" in entry.reason


@pytest.mark.parametrize("path", ["disable", "role"])
def test_the_question_names_the_tokens_that_will_end(client: FlaskClient, session: Session, path: str) -> None:
    sign_in(client, make_user(session, id="amy", role="admin"))
    make_user(session, id="boss", role="admin")
    tokens.create_token(session, Act("user:boss", clock.now()), name="storefront", scopes=["member"])
    gone, _ = tokens.create_token(session, Act("user:boss", clock.now()), name="old-till", scopes=["member"])
    tokens.revoke_token(session, gone.id, Act("user:boss", clock.now()))
    page = client.get(f"/admin/access/users/boss/{path}").text
    assert "make new ones for their services first: storefront" in page
    assert "old-till" not in page
    assert "user:boss" in client.get("/admin/access/tokens").text


def test_an_operator_has_made_no_tokens_and_keeps_the_ones_of_before(session: Session) -> None:
    make_user(session, id="olu", role="operator")
    make_token(session, "member", created_by="user:olu")
    access.set_role(session, "olu", "admin", Act("user:amy", clock.now()))
    assert session.scalars(select(ApiToken.revoked_at)).one() is None
