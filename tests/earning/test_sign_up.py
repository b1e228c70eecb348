"""Joining brings points once: to those who register and confirm, and whom the shop tells of (CONTRACT-EARNING 8.3)."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.accounts.access import add_staff
from portal.accounts.models import User
from portal.accounts.passwords import make_reset_token
from portal.accounts.users import create_user
from portal.earning.models import EarningEntitlement
from portal.earning.rules import RuleTerms
from portal.earning.versions import put_rule
from portal.ledger.models import LedgerEntry
from portal.ledger.verify import find_differences
from portal.members.models import Member
from portal.platform import clock
from portal.platform.audit import Act
from portal.platform.db import unit_of_work
from portal.platform.web.application import Portal
from tests.accounts.test_verify_address import EMAIL, MINE, register, user_of
from tests.concurrency import at_once
from tests.factories.accounts import bearer, csrf, follow_link, link_mailed_to, make_token, make_user, sign_in
from tests.factories.loyalty import make_tier
from tests.imports.test_imports import HEADS, bring

WELCOME = {"name": "Welcome", "kind": "sign_up", "points": 50}
ADA = {"email": EMAIL, "name": "Ada"}
Join = Callable[[FlaskClient, Session], None]


def put_welcome(session: Session, slug: str = "welcome", **fields: Any) -> None:
    put_rule(session, slug, RuleTerms.model_validate(WELCOME | fields), Act("test", clock.now()))


def paid(session: Session) -> list[tuple[str, str, int]]:
    session.expire_all()
    rows = session.execute(
        select(Member.user_id, LedgerEntry.entry_metadata, LedgerEntry.amount)
        .join(LedgerEntry, LedgerEntry.member_id == Member.id)
        .where(LedgerEntry.entry_type == "sign_up")
        .order_by(LedgerEntry.seq)
    )
    assert find_differences(session) == []
    return [(row.user_id, row[1]["rule"], row.amount) for row in rows]


def put_user(client: FlaskClient, session: Session, user_id: str = "ada", **fields: Any) -> Any:
    token = make_token(session, "orders")
    return client.put(f"/api/v1/users/{user_id}", json={**ADA, **fields}, headers=bearer(token))


def by_the_link(client: FlaskClient, session: Session) -> None:
    register(client)
    assert paid(session) == [], "not before the address is confirmed"
    assert follow_link(client, session, EMAIL).status_code == 303


def by_a_reset_link(client: FlaskClient, session: Session) -> None:
    register(client)
    path = f"/password/reset/{make_reset_token(user_of(session))}"
    assert client.post(path, data={"password": MINE, "csrf_token": csrf(client)}).status_code == 303


def by_the_shop_that_vouches(client: FlaskClient, session: Session) -> None:
    register(client)
    assert put_user(client, session, user_of(session).id).status_code == 200


def by_the_shop(client: FlaskClient, session: Session) -> None:
    assert put_user(client, session).status_code == 201


def by_a_file_that_vouches(client: FlaskClient, session: Session) -> None:
    register(client)
    sign_in(client, make_user(session, role="operator"))
    bring(session, client, f"{HEADS}\n{user_of(session).id},{EMAIL},Ada,,\n")


@pytest.mark.parametrize(
    "join", [by_the_link, by_a_reset_link, by_the_shop_that_vouches, by_the_shop, by_a_file_that_vouches]
)
def test_who_joins_is_welcomed_once(client: FlaskClient, session: Session, join: Join) -> None:
    put_welcome(session)
    put_welcome(session, "more", points=5, pendingDays=3)
    put_welcome(session, "none", active=False)
    join(client, session)
    user = user_of(session)
    assert paid(session) == [(user.id, "welcome", 50)]
    member = session.scalars(select(Member)).one()
    assert (member.balance, member.pending, member.lifetime_earned) == (50, 5, 50)
    assert {(row.slug, row.period) for row in session.scalars(select(EarningEntitlement))} == {
        ("welcome", "once"),
        ("more", "once"),
    }
    put_user(client, session, user.id, name="Ada King")
    put_user(client, session, user.id, email="ada.king@example.com")
    client.post(
        f"/password/reset/{make_reset_token(user)}", data={"password": f"{MINE} too", "csrf_token": csrf(client)}
    )
    assert len(paid(session)) == 1


def by_a_file(client: FlaskClient, session: Session) -> None:
    sign_in(client, make_user(session, role="operator"))
    bring(session, client, f"{HEADS}\nada,{EMAIL},Ada,,\n")


def by_an_operator(client: FlaskClient, session: Session) -> None:
    create_user(session, email=EMAIL, name="Ada", user_id="ada")


def as_staff(client: FlaskClient, session: Session) -> None:
    add_staff(session, Act("cli", clock.now()), email=EMAIL, name="Ada", role="operator")


def as_somebody_who_became_staff(client: FlaskClient, session: Session) -> None:
    register(client)
    user = user_of(session)
    user.role = "operator"
    session.flush()
    path = f"/password/reset/{make_reset_token(user)}"
    assert client.post(path, data={"password": MINE, "csrf_token": csrf(client)}).status_code == 303
    assert user_of(session).email_verified_at is not None


@pytest.mark.parametrize("join", [by_a_file, by_an_operator, as_staff, as_somebody_who_became_staff])
def test_who_is_made_otherwise_is_not(client: FlaskClient, session: Session, join: Join) -> None:
    put_welcome(session)
    join(client, session)
    assert user_of(session).email_verified_at is not None
    put_user(client, session, user_of(session).id, name="Ada King")
    assert paid(session) == []


def test_without_a_rule_nobody_becomes_a_member(client: FlaskClient, session: Session) -> None:
    put_user(client, session)
    assert session.scalars(select(Member)).all() == []
    put_welcome(session)
    put_user(client, session, name="Ada King")
    assert paid(session) == [], "a rule is for those who join from then on"


@pytest.mark.parametrize(
    ("fields", "points"),
    [
        ({"tiers": ["base"]}, [50]),
        ({"notTiers": ["base"]}, []),
        ({"until": "2020-01-01T00:00:00+00:00"}, []),
        ({"limits": {"programme": 70}}, [50, 20]),
    ],
)
def test_its_rules_have_tiers_times_and_limits(
    client: FlaskClient, session: Session, fields: dict[str, Any], points: list[int]
) -> None:
    make_tier(session, "base", 0)
    put_welcome(session, **fields)
    for number in range(3 if len(points) > 1 else 1):
        put_user(client, session, f"user-of-shop-{number}", email=f"{number}@example.com")
    assert [amount for _, _, amount in paid(session)] == points


def test_a_link_opened_many_times_at_once_welcomes_once(committed_app: Portal) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        put_welcome(session)
    register(committed_app.test_client())
    with committed_app.app_context(), unit_of_work() as session:
        path = link_mailed_to(session, EMAIL)

    def follow(_: int) -> int:
        client = committed_app.test_client()
        return client.post(path, data={"csrf_token": csrf(client)}).status_code

    assert sorted(at_once(committed_app, 8, follow)) == [303] + [410] * 7
    with committed_app.app_context(), unit_of_work() as session:
        assert len(paid(session)) == 1


def test_a_user_put_many_times_at_once_is_welcomed_once(committed_app: Portal) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        put_welcome(session)
        token = make_token(session, "orders")

    def put(_: int) -> int:
        client = committed_app.test_client()
        return client.put("/api/v1/users/ada", json=ADA, headers=bearer(token)).status_code

    assert sorted(at_once(committed_app, 8, put)) == [200] * 7 + [201]
    with committed_app.app_context(), unit_of_work() as session:
        assert len(paid(session)) == 1
        assert session.scalars(select(User.id)).all() == ["ada"]
