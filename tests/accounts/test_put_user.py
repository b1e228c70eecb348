"""PUT /api/v1/users/{user_id}."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.accounts.models import NotificationPreferences, User
from portal.accounts.preferences import Origin, change_consent
from portal.platform.models import AuditEntry
from tests.factories.accounts import bearer, csrf, make_token, make_user, sign_in

ADA = {"email": "Ada@Example.com", "name": "Ada Lovelace"}


@pytest.fixture
def token(session: Session) -> str:
    return make_token(session, "admin")


def put(client: FlaskClient, token: str, user_id: str = "shop:1", body: Any = ADA) -> Any:
    return client.put(f"/api/v1/users/{user_id}", json=body, headers=bearer(token))


def test_a_new_user_is_created(client: FlaskClient, session: Session, token: str) -> None:
    answer = put(client, token)
    document = answer.get_json()
    assert answer.status_code == 201
    assert document.pop("createdAt") == document.pop("updatedAt") == document.pop("verifiedAt")
    assert document == {
        "userId": "shop:1",
        "email": "ada@example.com",
        "name": "Ada Lovelace",
        "phoneNumber": None,
        "hasPushToken": False,
        "timezone": None,
        "locale": None,
        "birthday": None,
        "marketingMessages": False,
        "role": "member",
        "consent": {"marketing": False, "source": None, "changedAt": None},
        "disabledAt": None,
        "mergedInto": None,
    }
    assert session.get_one(User, "shop:1").email_normalized == "ada@example.com"


def test_every_field_is_kept_and_the_push_token_is_not_shown(client: FlaskClient, session: Session, token: str) -> None:
    full = {
        **ADA,
        "phoneNumber": "+1 415-555-2671",
        "pushToken": "secret-subscription",
        "timezone": "Europe/Berlin",
        "locale": "de-DE",
        "birthday": "12-10",
        "marketingMessages": True,
    }
    answer = put(client, token, body=full)
    document = answer.get_json()
    assert (document["phoneNumber"], document["timezone"], document["locale"]) == (
        "+14155552671",
        "Europe/Berlin",
        "de-DE",
    )
    assert document["birthday"] == "12-10"
    assert document["hasPushToken"] is True
    assert document["marketingMessages"] is True
    assert "secret-subscription" not in answer.text
    assert session.get_one(User, "shop:1").push_token == "secret-subscription"


def test_what_is_left_out_stays_and_null_clears(client: FlaskClient, session: Session, token: str) -> None:
    put(client, token, body={**ADA, "phoneNumber": "+14155552671", "locale": "de", "marketingMessages": True})
    kept = put(client, token, body={**ADA, "name": "Ada King"})
    assert kept.status_code == 200
    assert [kept.get_json()[key] for key in ("name", "phoneNumber", "locale", "marketingMessages")] == [
        "Ada King",
        "+14155552671",
        "de",
        True,
    ]
    cleared = put(client, token, body={**ADA, "phoneNumber": None, "locale": None, "marketingMessages": None})
    assert [cleared.get_json()[key] for key in ("phoneNumber", "locale", "marketingMessages")] == [None, None, False]


def test_consent_leaves_the_other_preferences_alone(client: FlaskClient, session: Session, token: str) -> None:
    put(client, token)
    session.get_one(NotificationPreferences, "shop:1").sms = False
    put(client, token, body={**ADA, "marketingMessages": True})
    preferences = session.get_one(NotificationPreferences, "shop:1")
    assert (preferences.marketing_messages, preferences.sms) == (True, False)


def test_the_same_again_changes_nothing(client: FlaskClient, session: Session, token: str) -> None:
    first = put(client, token).get_json()
    again = put(client, token)
    assert (again.status_code, again.get_json()) == (200, first)
    actions = session.scalars(select(AuditEntry.action).where(AuditEntry.object_id == "shop:1")).all()
    assert actions == ["user.create"]


def test_a_change_is_audited_with_before_and_after(client: FlaskClient, session: Session, token: str) -> None:
    put(client, token)
    put(client, token, body={**ADA, "name": "Ada King", "pushToken": "secret-subscription"})
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "user.update")).one()
    assert entry.actor.startswith("token:")
    assert entry.before is not None
    assert entry.after is not None
    assert (entry.before["name"], entry.after["name"]) == ("Ada Lovelace", "Ada King")
    assert "secret-subscription" not in str(entry.after)


def test_an_email_belongs_to_one_user(client: FlaskClient, session: Session, token: str) -> None:
    make_user(session, email="ada@example.com")
    make_user(session, id="shop:2", email="grace@example.com")
    for user_id in ("shop:1", "shop:2"):
        answer = put(client, token, user_id)
        assert (answer.status_code, answer.get_json()["code"]) == (409, "email_taken")
    assert session.get(User, "shop:1") is None
    assert session.get_one(User, "shop:2").email == "grace@example.com"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "nobody"),
        ("email", None),
        ("email", 5),
        ("email", "a\x00@example.com"),
        ("name", ""),
        ("name", "x" * 121),
        ("name", None),
        ("name", "a\x00b"),
        ("phoneNumber", "0170 1234567"),
        ("phoneNumber", "+1"),
        ("phoneNumber", "call me"),
        ("phoneNumber", 5),
        ("timezone", "Mars/Olympus"),
        ("timezone", "../etc"),
        ("locale", "xx-XX"),
        ("locale", "-"),
        *(("birthday", value) for value in ("02-30", "04-31", "13-01", "00-10", "2-3", "1990-02-03", "", 203)),
        ("birthDate", "02-03"),
        ("pushToken", ""),
        ("pushToken", "x" * 4097),
        ("marketingMessages", "yes"),
        ("role", "admin"),
    ],
)
def test_a_bad_field_is_named(client: FlaskClient, token: str, field: str, value: Any) -> None:
    answer = put(client, token, body={**ADA, field: value})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.get_json()["errors"]] == [field]


@pytest.mark.parametrize("user_id", ["a" * 65, "a%20b", "ä", "a%0A"])
def test_a_malformed_id_is_refused(client: FlaskClient, token: str, user_id: str) -> None:
    answer = put(client, token, user_id)
    assert (answer.status_code, answer.get_json()["errors"][0]["field"]) == (422, "userId")


def test_bodies_must_be_json_objects(client: FlaskClient, token: str) -> None:
    path, headers = "/api/v1/users/shop:1", bearer(token)
    assert client.put(path, data="{", headers=headers, content_type="application/json").status_code == 400
    assert client.put(path, data="email=a", headers=headers).status_code == 415
    assert client.put(path, json=[], headers=headers).status_code == 400
    assert client.post(path, json=ADA, headers=headers).status_code == 405


def test_only_the_programme_may_put_users(client: FlaskClient, session: Session) -> None:
    assert client.put("/api/v1/users/shop:1", json=ADA).status_code == 401
    for scope in ("member", "checkout"):
        assert put(client, make_token(session, scope)).status_code == 403
    sign_in(client, make_user(session))
    assert client.put("/api/v1/users/shop:1", json=ADA, headers={"X-CSRFToken": csrf(client)}).status_code == 403


def test_the_scope_orders_creates_and_changes_members(client: FlaskClient, session: Session) -> None:
    orders = make_token(session, "orders")
    assert put(client, orders).status_code == 201
    moved = put(client, orders, body={**ADA, "email": "ada@new.example"})
    assert (moved.status_code, moved.get_json()["email"]) == (200, "ada@new.example")
    assert moved.get_json()["verifiedAt"], "the shop vouches for it"


@pytest.mark.parametrize("role", ["operator", "admin"])
def test_the_scope_orders_cannot_change_staff_nor_take_their_address(
    client: FlaskClient, session: Session, role: str
) -> None:
    make_user(session, id="boss", role=role, email="boss@example.com", name="Boss")
    orders = make_token(session, "orders", "checkout", "member")
    for body in ({**ADA, "email": "mine@example.com"}, {"email": "boss@example.com", "name": "Me"}):
        answer = put(client, orders, "boss", body)
        assert (answer.status_code, answer.get_json()["code"]) == (403, "forbidden")
    taken = put(client, orders, "shop:1", {"email": "Boss@Example.com", "name": "Me"})
    assert (taken.status_code, taken.get_json()["code"]) == (409, "email_taken")
    boss = session.get_one(User, "boss", populate_existing=True)
    assert (boss.email, boss.name, boss.role) == ("boss@example.com", "Boss", role)


def test_the_scope_orders_does_not_undo_a_members_own_withdrawal(client: FlaskClient, session: Session) -> None:
    orders = make_token(session, "orders")
    put(client, orders, body={**ADA, "marketingMessages": True})
    change_consent(session, "shop:1", False, Origin("unsubscribe_link", ""))
    again = put(client, orders, body={**ADA, "marketingMessages": True}).get_json()
    assert (again["marketingMessages"], again["consent"]["source"]) == (False, "member")


def test_an_operator_cannot_change_staff_and_so_take_over_an_admin(client: FlaskClient, session: Session) -> None:
    admin = make_user(session, role="admin", email="admin@example.com")
    sign_in(client, make_user(session, role="operator"))
    path, headers = f"/api/v1/users/{admin.id}", {"X-CSRFToken": csrf(client)}
    answer = client.put(path, json={"email": "mine@example.com", "name": "x"}, headers=headers)
    assert (answer.status_code, answer.get_json()["code"]) == (403, "forbidden")
    assert admin.email == "admin@example.com"
    sign_in(client, admin)
    assert client.put(path, json=ADA, headers={"X-CSRFToken": csrf(client)}).status_code == 200
