"""CONTRACT-SHOP 9.1, "Addresses are verified": each sentence, as the shop and its members see it."""

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.accounts.models import User
from portal.accounts.users import create_user
from portal.notifications.models import Message
from portal.platform import clock
from portal.platform.outbox import deliver
from portal.platform.web.application import Portal
from tests.contract.api import Api
from tests.contract.shop import Shop
from tests.factories.accounts import csrf, follow_link, make_user, sign_in

EMAIL, PASSWORD = "kim@example.com", "a stranger's password"
KIM = {"email": EMAIL, "name": "Kim"}


def register(client: FlaskClient, email: str = EMAIL) -> None:
    form = {"name": "Mallory", "email": email, "password": PASSWORD, "marketing_messages": "y", "next": ""}
    assert client.post("/register", data={**form, "csrf_token": csrf(client)}).status_code == 303


def holder(session: Session, email: str = EMAIL) -> User:
    return session.scalars(select(User).where(User.email == email)).one()


def sign_in_by_password(client: FlaskClient) -> int:
    form = {"email": EMAIL, "password": PASSWORD, "csrf_token": csrf(client)}
    return client.post("/login", data=form).status_code


def shown(admin: Api, user_id: str) -> dict[str, Any]:
    answer = admin.get(f"/api/v1/users/{user_id}")
    assert answer.status_code == 200
    return dict(answer.get_json())


def test_an_address_is_verified_by_a_mailed_link(client: FlaskClient, session: Session, admin: Api) -> None:
    register(client)
    user_id = holder(session).id
    assert shown(admin, user_id)["verifiedAt"] is None
    follow_link(client, session, EMAIL)
    assert shown(admin, user_id)["verifiedAt"] is not None


def test_an_address_is_verified_by_the_shops_put(admin: Api) -> None:
    assert admin.put("/api/v1/users/shop:1", KIM).get_json()["verifiedAt"] is not None


def test_an_address_is_verified_by_users_create(app: Portal, session: Session) -> None:
    assert create_user(session, email=EMAIL, name="Kim", actor="cli").email_verified_at is not None


def test_the_shops_put_of_the_registered_user_vouches_for_their_address(
    client: FlaskClient, session: Session, admin: Api
) -> None:
    register(client)
    answer = admin.put(f"/api/v1/users/{holder(session).id}", {"email": EMAIL, "name": "Mallory"})
    document = answer.get_json()
    assert (answer.status_code, document["verifiedAt"] is None) == (200, False)
    assert document["consent"]["source"] == "registration"


def test_until_then_no_mail_but_the_verification(client: FlaskClient, session: Session, shop: Shop) -> None:
    shop.tier("silver", 50)
    register(client)
    user = holder(session)
    sign_in(client, user)
    form = {"marketing_messages": "y", "kinds": ["tier_upgrade", "nudge"], "email": "y", "timezone": ""}
    client.post("/account/preferences", data={**form, "csrf_token": csrf(client)})
    shop.credit(user.id, 60)
    deliver()
    sent = session.execute(select(Message.kind, Message.status, Message.reason).order_by(Message.id)).all()
    assert [tuple(row) for row in sent] == [
        ("verify_address", "sent", ""),
        ("tier_upgrade", "suppressed", "address_unverified"),
    ]


def test_until_then_no_invites(client: FlaskClient, session: Session, as_scope: Any, admin: Api) -> None:
    register(client)
    user = holder(session)
    member = as_scope("member", user_id=user.id)
    for channel in ({"channel": "link"}, {"channel": "email", "inviteeEmail": "x@example.com"}):
        refused = member.post("/referrals", channel)
        assert (refused.status_code, refused.get_json()["code"]) == (403, "address_unverified")
        refused = admin.post(f"/members/{user.id}/referrals", channel)
        assert (refused.status_code, refused.get_json()["code"]) == (403, "address_unverified")
    sign_in(client, user)
    form = {"channel": "link", "idempotency_key": "k", "csrf_token": csrf(client)}
    page = client.post("/account/referrals", data=form)
    assert "Confirm your address first" in page.text
    follow_link(client, session, EMAIL)
    assert member.post("/referrals", {"channel": "link"}).status_code == 201


def test_until_then_no_marketing(client: FlaskClient, session: Session, admin: Api) -> None:
    register(client)
    user_id = holder(session).id
    before = shown(admin, user_id)
    assert (before["marketingMessages"], before["consent"]) == (
        False,
        {"marketing": False, "source": None, "changedAt": None},
    )
    follow_link(client, session, EMAIL)
    after = shown(admin, user_id)
    assert (after["marketingMessages"], after["consent"]["source"]) == (True, "registration")


def test_until_then_no_conversion(client: FlaskClient, session: Session, shop: Shop, ann: str) -> None:
    register(client)
    friend = holder(session).id
    body = {"code": shop.member(ann)["referralCode"], "refereeUserId": friend}
    refused = shop.api.post("/referrals/complete", body)
    assert (refused.status_code, refused.get_json()["code"]) == (409, "referee_unverified")
    assert shop.points(ann) == (0, 0, 0)
    follow_link(client, session, EMAIL)
    assert shop.api.post("/referrals/complete", body).status_code == 200


def test_the_code_of_a_member_who_is_not_verified_converts_nobody(
    client: FlaskClient, session: Session, shop: Shop, ann: str
) -> None:
    register(client)
    code = shop.member(holder(session).id)["referralCode"]
    assert client.get(f"/r/{code}").status_code == 410
    refused = shop.api.post("/referrals/complete", {"code": code, "refereeUserId": ann})
    assert (refused.status_code, refused.get_json()["code"]) == (409, "referral_cancelled")


def test_the_shops_put_takes_such_an_address_over(client: FlaskClient, session: Session, shop: Shop) -> None:
    """Its holder keeps account and points, without an address, sessions ended."""
    register(client)
    sign_in_by_password(client)
    stranger = holder(session).id
    shop.credit(stranger, 40)
    assert client.get("/account/loyalty").status_code == 200
    made = shop.api.put("/api/v1/users/shop:1", KIM)
    assert (made.status_code, made.get_json()["email"]) == (201, EMAIL)
    left = shown(shop.api, stranger)
    assert (left["email"], left["verifiedAt"], left["name"]) == (None, None, "Mallory")
    assert shop.points(stranger) == (40, 0, 40)
    assert client.get("/account/loyalty").status_code == 303
    assert sign_in_by_password(client) == 422
    assert follow_link(client, session, EMAIL).status_code == 410


def test_a_known_user_of_the_shop_takes_an_address_over_too(client: FlaskClient, session: Session, admin: Api) -> None:
    admin.put("/api/v1/users/shop:1", {"email": "old@example.com", "name": "Kim"})
    register(client)
    changed = admin.put("/api/v1/users/shop:1", KIM)
    assert (changed.status_code, changed.get_json()["email"]) == (200, EMAIL)


@pytest.mark.parametrize("proof", ["link", "shop"])
def test_a_verified_address_stays_409_email_taken(
    client: FlaskClient, session: Session, admin: Api, proof: str
) -> None:
    if proof == "link":
        register(client)
        follow_link(client, session, EMAIL)
    else:
        admin.put("/api/v1/users/shop:0", KIM)
    refused = admin.put("/api/v1/users/shop:1", KIM)
    assert (refused.status_code, refused.get_json()["code"]) == (409, "email_taken")
    admin.put("/api/v1/users/shop:2", {"email": "other@example.com", "name": "Other"})
    refused = admin.put("/api/v1/users/shop:2", KIM)
    assert (refused.status_code, refused.get_json()["code"]) == (409, "email_taken")


def test_who_lost_their_address_gets_another_by_the_shop(client: FlaskClient, session: Session, admin: Api) -> None:
    register(client)
    stranger = holder(session).id
    admin.put("/api/v1/users/shop:1", KIM)
    answer = admin.put(f"/api/v1/users/{stranger}", {"email": "mallory@example.com", "name": "Mallory"})
    assert (answer.status_code, answer.get_json()["verifiedAt"] is None) == (200, False)


def test_a_user_is_found_by_their_address(admin: Api, client: FlaskClient, session: Session) -> None:
    admin.put("/api/v1/users/shop:1", KIM)
    found = admin.get("/api/v1/users", {"email": " Kim@Example.com "}).get_json()
    assert ([user["userId"] for user in found["users"]], found["nextCursor"]) == (["shop:1"], None)
    assert admin.get("/api/v1/users", {"email": "nobody@example.com"}).get_json()["users"] == []
    for query in ({}, {"email": "kim"}, {"email": EMAIL, "name": "Kim"}):
        assert admin.get("/api/v1/users", query).status_code == 422


def test_get_shows_what_put_takes_and_where_everything_stands(admin: Api, session: Session) -> None:
    full = {**KIM, "phoneNumber": "+4915123456789", "timezone": "Europe/Berlin", "locale": "de-DE"}
    put = admin.put("/api/v1/users/shop:1", {**full, "marketingMessages": True})
    got = admin.get("/api/v1/users/shop:1")
    document = got.get_json()
    assert document == put.get_json()
    assert {name: document[name] for name in full} == full
    assert document["consent"] | {"changedAt": None} == {"marketing": True, "source": "shop", "changedAt": None}
    assert (document["disabledAt"], document["mergedInto"]) == (None, None)
    assert admin.get("/api/v1/users/shop:1", headers={"If-None-Match": got.headers["ETag"]}).status_code == 304
    session.get_one(User, "shop:1").disabled_at = clock.now() - timedelta(days=1)
    assert shown(admin, "shop:1")["disabledAt"] is not None


def test_a_stranger_an_unknown_user_and_the_wrong_method_are_refused(admin: Api, as_scope: Any) -> None:
    unknown = admin.get("/api/v1/users/nobody")
    assert (unknown.status_code, unknown.get_json()["code"]) == (404, "user_not_found")
    for scope in ("member", "checkout", "orders"):
        assert as_scope(scope).get("/api/v1/users", {"email": EMAIL}).status_code == 403
        assert as_scope(scope).get("/api/v1/users/nobody").status_code == 403
    assert admin.post("/api/v1/users", {}).status_code == 405


def test_a_disabled_users_points_can_still_be_spent_by_the_shop(shop: Shop, ann: str, session: Session) -> None:
    """Disabling closes the sign-in; what closes the membership is its suspension."""
    shop.credit(ann, 100)
    session.get_one(User, ann).disabled_at = clock.now()
    shop.redeem(ann, points=10)
    assert shop.points(ann) == (100, 10, 90)


def test_consoles_and_exports_show_a_user_without_an_address(client: FlaskClient, session: Session) -> None:
    sign_in(client, make_user(session, role="admin"))
    user = make_user(session, id="no-address", email=None, name="Mallory")
    for path in (
        "/admin/members",
        "/admin/members?q=mallory",
        "/admin/members/no-address",
        "/admin/members/table?format=csv",
        "/admin/members/no-address/ledger",
        "/admin/audit",
        "/admin/messages",
        f"/admin/members/{user.id}/disable",
    ):
        assert client.get(path, follow_redirects=True).status_code in (200, 404), path
    assert "no email address" in client.get("/admin/members/no-address").text
