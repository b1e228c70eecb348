"""The console of access: admins decide who runs the programme, which services call and who stays signed in."""

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.accounts.models import ApiToken, AuthSession, User
from portal.accounts.tokens import hash_token
from portal.platform import ids
from portal.platform.models import AuditEntry, IdempotencyKey, OutboxMessage
from tests.factories.accounts import bearer, csrf, make_token, make_user, sign_in

ACCESS = "/admin/access"


@pytest.fixture
def admin(session: Session, client: FlaskClient) -> FlaskClient:
    """A client in which the only admin is signed in."""
    sign_in(client, make_user(session, id="amy", role="admin"))
    return client


def form(client: FlaskClient, **fields: str | list[str]) -> dict[str, str | list[str]]:
    return {"csrf_token": csrf(client), "idempotency_key": ids.encode(ids.new_id()), "reason": "as agreed", **fields}


def reasons(session: Session, action: str) -> list[tuple[str, str]]:
    entries = session.scalars(select(AuditEntry).where(AuditEntry.action == action))
    return [(entry.actor, entry.reason) for entry in entries]


def test_somebody_new_is_made_and_sent_a_link(admin: FlaskClient, session: Session) -> None:
    fields = form(admin, email="Olu@Example.com", name="Olu", role="operator")

    assert admin.post(f"{ACCESS}/staff/new", data=fields).status_code == 303

    olu = session.scalars(select(User).where(User.email == "olu@example.com")).one()
    assert olu.role == "operator"
    assert reasons(session, "user.role") == [("user:amy", "as agreed")]
    assert session.scalar(select(OutboxMessage.topic)) == "message.password_reset"
    assert "olu@example.com" in admin.get(ACCESS).text


def test_a_member_becomes_staff_by_address(admin: FlaskClient, session: Session) -> None:
    bob = make_user(session, id="bob", email="bob@example.com")

    admin.post(f"{ACCESS}/staff/new", data=form(admin, email="BOB@example.com", role="operator"))

    session.refresh(bob)
    assert bob.role == "operator"


@pytest.mark.parametrize("wrong", [{"email": "nonsense"}, {"email": ""}, {"role": "owner"}, {"reason": " "}])
def test_bad_input_comes_back_with_what_was_typed(admin: FlaskClient, wrong: dict[str, str]) -> None:
    fields = form(admin, **{"email": "new@example.com", "name": "Typed before", "role": "operator", **wrong})

    answer = admin.post(f"{ACCESS}/staff/new", data=fields)

    assert answer.status_code == 422
    assert "Typed before" in answer.text
    assert "data-error-summary" in answer.text


def test_the_last_admin_stays(admin: FlaskClient, session: Session) -> None:
    answer = admin.post(f"{ACCESS}/users/amy/role", data=form(admin, role="member"))

    assert answer.status_code == 409
    assert session.get_one(User, "amy").role == "admin"


def test_sign_in_is_disabled_and_enabled(admin: FlaskClient, session: Session) -> None:
    olu = make_user(session, id="olu", role="operator")
    browser = sign_in(admin.application.test_client(), olu)

    assert admin.post(f"{ACCESS}/users/olu/disable", data=form(admin)).status_code == 303
    session.refresh(olu)
    session.refresh(browser)
    assert olu.disabled_at is not None
    assert browser.revoked_at is not None

    admin.post(f"{ACCESS}/users/olu/enable", data=form(admin))
    session.refresh(olu)
    assert olu.disabled_at is None
    assert reasons(session, "user.disable") == reasons(session, "user.enable") == [("user:amy", "as agreed")]


def test_sign_ins_are_listed_and_ended(admin: FlaskClient, session: Session) -> None:
    browser = sign_in(
        admin.application.test_client(), make_user(session, id="olu", role="operator"), address="10.0.0.9"
    )
    assert "10.0.0.9" in admin.get(f"{ACCESS}/sign-ins").text

    admin.post(f"{ACCESS}/sign-ins/{ids.encode(browser.id)}/end", data=form(admin))

    session.refresh(browser)
    assert browser.revoked_at is not None
    assert reasons(session, "user.sign_out") == [("user:amy", "as agreed")]


def test_signing_out_everywhere_ends_every_session(admin: FlaskClient, session: Session) -> None:
    olu = make_user(session, id="olu", role="operator")
    for _ in range(2):
        sign_in(admin.application.test_client(), olu)

    admin.post(f"{ACCESS}/users/olu/sign-out", data=form(admin))

    live = select(AuthSession).where(AuthSession.user_id == "olu", AuthSession.revoked_at.is_(None))
    assert session.scalars(live).all() == []


def test_a_token_is_shown_once_and_not_kept_anywhere(admin: FlaskClient, session: Session) -> None:
    fields = form(admin, name="storefront", scopes=["checkout", "orders"], days="90")

    page = admin.post(f"{ACCESS}/tokens/new", data=fields).text

    secret = re.search(r'value="(lp_[^"]+)"', page)
    assert secret is not None
    token = session.scalars(select(ApiToken)).one()
    assert token.token_hash == hash_token(secret[1])
    assert token.scopes == ["checkout", "orders"]
    assert all(secret[1].encode() not in kept for kept in session.scalars(select(IdempotencyKey.body)))
    assert secret[1] not in admin.get(f"{ACCESS}/tokens").text
    assert reasons(session, "token.create") == [("user:amy", "as agreed")]
    assert admin.post(f"{ACCESS}/tokens/new", data=fields).status_code == 409


def test_a_revoked_token_is_refused_at_once(admin: FlaskClient, session: Session) -> None:
    secret = make_token(session, "admin", name="old")
    token = session.scalars(select(ApiToken)).one()
    service = admin.application.test_client()
    assert service.get("/api/v1/loyalty/tiers", headers=bearer(secret)).status_code == 200

    admin.post(f"{ACCESS}/tokens/{ids.encode(token.id)}/revoke", data=form(admin))

    assert service.get("/api/v1/loyalty/tiers", headers=bearer(secret)).status_code == 401
    assert reasons(session, "token.revoke") == [("user:amy", "as agreed")]


@pytest.mark.parametrize("path", ["users/nobody/role", "users/nobody/disable", "tokens/nonsense/revoke"])
def test_what_is_not_there_is_not_found(admin: FlaskClient, path: str) -> None:
    assert admin.get(f"{ACCESS}/{path}").status_code == 404
    assert admin.post(f"{ACCESS}/{path}", data=form(admin)).status_code == 404
