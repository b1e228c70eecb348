"""Orders that wait for an address belong to whoever shows that it is theirs, whichever way (CONTRACT-EARNING 8.2)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.accounts.access import add_staff
from portal.accounts.models import User
from portal.accounts.passwords import make_reset_token
from portal.accounts.users import create_user
from portal.earning.rules import RuleTerms
from portal.earning.versions import put_rule
from portal.ledger.models import LedgerEntry
from portal.ledger.verify import find_differences
from portal.members.models import Member
from portal.orders.commands.claims import CLAIM_TOPIC
from portal.orders.models import Order, OrderState
from portal.platform import clock, ids
from portal.platform.audit import Act
from portal.platform.db import unit_of_work
from portal.platform.models import OutboxMessage
from portal.platform.outbox import deliver
from portal.platform.web.application import Portal
from portal.redemptions.lifecycle import fulfill_redemption
from tests.accounts.test_verify_address import EMAIL, MINE, register, user_of
from tests.concurrency import at_once
from tests.contract.orders import order_of
from tests.factories.accounts import bearer, csrf, follow_link, link_mailed_to, make_token, make_user, sign_in
from tests.factories.loyalty import make_member, make_reward, request_reward
from tests.imports.test_imports import HEADS, bring
from tests.statements import counted

API = "/api/v1/loyalty"
DAY = timedelta(days=1)
Verify = Callable[[FlaskClient, Session], None]


class Shop:
    """A shop that tells of orders and users."""

    def __init__(self, client: FlaskClient, token: str) -> None:
        self.client, self.headers = client, bearer(token)

    def put(self, reference: str, **fields: Any) -> Any:
        body = order_of(3000, **{"email": EMAIL, **fields})
        answer = self.client.put(f"{API}/orders/{reference}", json=body, headers=self.headers)
        assert answer.status_code in (200, 201), answer.text
        return answer.get_json()["order"]

    def user(self, user_id: str, email: str) -> int:
        body = {"email": email, "name": "Ada"}
        return self.client.put(f"/api/v1/users/{user_id}", json=body, headers=self.headers).status_code

    def order(self, reference: str) -> Any:
        return self.client.get(f"{API}/orders/{reference}", headers=self.headers).get_json()


@pytest.fixture
def shop(client: FlaskClient, session: Session) -> Shop:
    return Shop(client, make_token(session, "orders"))


def by_the_link(client: FlaskClient, session: Session) -> None:
    register(client)
    assert follow_link(client, session, EMAIL).status_code == 303


def by_a_reset_link(client: FlaskClient, session: Session) -> None:
    register(client)
    path = f"/password/reset/{make_reset_token(user_of(session))}"
    assert client.post(path, data={"password": MINE, "csrf_token": csrf(client)}).status_code == 303


def by_the_shop(client: FlaskClient, session: Session) -> None:
    assert Shop(client, make_token(session, "orders")).user("ada", EMAIL) == 201


def by_the_shop_that_vouches(client: FlaskClient, session: Session) -> None:
    register(client)
    assert Shop(client, make_token(session, "orders")).user(user_of(session).id, EMAIL) == 200


def by_the_shop_as_a_new_address(client: FlaskClient, session: Session) -> None:
    make_user(session, id="ada", email="before@example.com")
    assert Shop(client, make_token(session, "orders")).user("ada", EMAIL) == 200


def by_the_shop_from_whoever_had_it(client: FlaskClient, session: Session) -> None:
    register(client)
    assert Shop(client, make_token(session, "orders")).user("ada", EMAIL) == 201


def by_an_operator(client: FlaskClient, session: Session) -> None:
    create_user(session, email=EMAIL.upper(), name="Ada")


def as_new_staff(client: FlaskClient, session: Session) -> None:
    add_staff(session, Act("cli", clock.now()), email=EMAIL, name="Ada", role="operator")


def by_file(session: Session, client: FlaskClient, user_id: str, *more: str) -> None:
    sign_in(client, make_user(session, role="operator"))
    bring(session, client, "\n".join([HEADS, f"{user_id},{EMAIL},Ada,,", *more, ""]))
    deliver()


def by_a_file_of_one(client: FlaskClient, session: Session) -> None:
    by_file(session, client, "ada")


def by_a_file_of_many(client: FlaskClient, session: Session) -> None:
    by_file(session, client, "ada", "bob,bob@example.com,Bob,7,", "eve,eve@example.com,Eve,,")


def by_a_file_with_a_new_address(client: FlaskClient, session: Session) -> None:
    make_user(session, id="ada", email="before@example.com")
    by_file(session, client, "ada", "bob,bob@example.com,Bob,7,")


def by_a_file_that_vouches(client: FlaskClient, session: Session) -> None:
    register(client)
    by_file(session, client, user_of(session).id, "bob,bob@example.com,Bob,7,")


WAYS = [
    by_the_link,
    by_a_reset_link,
    by_the_shop,
    by_the_shop_that_vouches,
    by_the_shop_as_a_new_address,
    by_the_shop_from_whoever_had_it,
    by_an_operator,
    as_new_staff,
    by_a_file_of_one,
    by_a_file_of_many,
    by_a_file_with_a_new_address,
    by_a_file_that_vouches,
]


@pytest.mark.parametrize("verify", WAYS)
def test_they_are_claimed_when_the_address_is_verified(
    client: FlaskClient, session: Session, shop: Shop, verify: Verify
) -> None:
    waiting = shop.put("A-1", email=" Ada@Example.com")
    assert (waiting["userId"], [each["code"] for each in waiting["reasons"]]) == (None, ["no_member"])
    shop.put("A-2", status="placed")
    shop.put("A-3", email="somebody.else@example.com")
    verify(client, session)
    session.expire_all()
    user = user_of(session)
    assert [shop.order(f"A-{n}")["userId"] for n in (1, 2, 3)] == [user.id, user.id, None]
    first = shop.order("A-1")
    assert (first["points"]["active"], first["reasons"]) == (30, [])
    assert [each["code"] for each in shop.order("A-2")["reasons"]] == ["not_paid"]
    states = session.execute(
        select(OrderState.reference, OrderState.change, OrderState.cause, OrderState.actor, OrderState.grants)
        .where(OrderState.cause == "claim")
        .order_by(OrderState.reference)
    ).all()
    assert [row[:4] for row in states] == [
        ("A-1", 2, "claim", "system:address_verified"),
        ("A-2", 2, "claim", "system:address_verified"),
    ]
    assert states[0].grants["base"]["points"] == 30
    assert shop.put("A-2", email=EMAIL)["points"]["active"] == 30, "and go on as orders of theirs"
    member = session.scalars(select(Member).where(Member.user_id == user.id)).one()
    session.refresh(member)
    assert (member.balance, find_differences(session)) == (60, [])


def test_nothing_is_claimed_before(client: FlaskClient, session: Session, shop: Shop) -> None:
    register(client)
    shop.put("A-1")
    client.get("/account/loyalty")
    assert shop.order("A-1")["userId"] is None
    follow_link(client, session, EMAIL)
    assert shop.order("A-1")["userId"] == user_of(session).id
    assert 'data-value="30"' in client.get("/account/loyalty").text


@pytest.mark.parametrize(
    ("days", "allowed", "claimed"), [(29, 30, True), (31, 30, False), (0, 0, False), (2, 3, True), (4, 3, False)]
)
@pytest.mark.parametrize("verify", [by_the_shop, by_a_file_of_many])
def test_they_wait_for_so_many_days_from_their_receipt(
    app: Portal,
    client: FlaskClient,
    session: Session,
    shop: Shop,
    monkeypatch: pytest.MonkeyPatch,
    days: int,
    allowed: int,
    claimed: bool,
    verify: Verify,
) -> None:
    settings = app.config["SETTINGS"].model_copy(update={"order_claim_days": allowed})
    monkeypatch.setitem(app.config, "SETTINGS", settings)
    shop.put("A-1", placedAt="2020-01-01T00:00:00+00:00")
    with clock.at(clock.now() + days * DAY):
        verify(client, session)
    assert (shop.order("A-1")["userId"] is not None) is claimed


def test_orders_of_others_stay_theirs(client: FlaskClient, session: Session, shop: Shop) -> None:
    make_user(session, id="bob")
    shop.put("A-1")
    shop.put("A-1", userId="bob")
    by_the_shop(client, session)
    assert shop.order("A-1")["userId"] == "bob"


def test_a_claimed_order_is_judged_as_of_now_and_as_the_first_one(
    client: FlaskClient, session: Session, shop: Shop
) -> None:
    shop.put("A-1")
    shop.put("A-2")
    first = {"name": "First", "kind": "first_order", "points": 100, "pendingDays": 3000}
    put_rule(session, "first", RuleTerms.model_validate(first), Act("test", clock.now()))
    by_the_link(client, session)
    orders = [shop.order("A-1"), shop.order("A-2")]
    assert [[grant["rule"] for grant in order["grants"]] for order in orders] == [["base", "first"], ["base"]]
    assert [order["points"]["pending"] for order in orders] == [100, 0]
    assert find_differences(session) == []


@pytest.mark.parametrize("count", [1, 3])
def test_a_claimed_order_converts_the_referral_whose_code_it_names(
    client: FlaskClient, session: Session, shop: Shop, count: int
) -> None:
    inviter = make_member(session)
    for number in range(count):
        shop.put(f"A-{number}", referralCode=inviter.referral_code)
    by_the_shop(client, session)
    session.expire_all()
    balance = session.scalars(select(Member.balance).where(Member.user_id == "ada")).one()
    assert (inviter.balance, balance) == (500, 100 + 30 * count)
    assert [len(shop.order(f"A-{number}")["warnings"]) for number in range(count)] == [0] + [1] * (count - 1)
    assert find_differences(session) == []


@pytest.mark.parametrize("given_back", [{"status": "cancelled"}, {"refunds": [{"refundId": "r", "amount": 1500}]}])
def test_a_claimed_order_gives_back_what_it_was_paid_with_as_far_as_it_was_refunded(
    client: FlaskClient, session: Session, shop: Shop, given_back: dict[str, Any]
) -> None:
    member = make_member(session, make_user(session, id="ada", email="before@example.com"), points=100)
    make_reward(session, "mug", 100)
    redemption = request_reward(session, member, "mug")
    fulfill_redemption(session, redemption.id, Act("test", clock.now()))
    tender = {"kind": "points", "amount": 500, "redemptionId": ids.encode(redemption.id)}
    shop.put("A-1", tenders=[tender], **given_back)
    assert shop.user("ada", EMAIL) == 200
    assert shop.order("A-1")["points"]["restored"] == (100 if "status" in given_back else 50)
    assert find_differences(session) == []


def test_an_order_that_counts_for_more_than_any_may_keeps_nobody_from_their_address(
    client: FlaskClient, session: Session, shop: Shop
) -> None:
    shop.put("A")
    shop.put("B", currency="USD", exchangeRate="999999999")
    shop.put("C")
    assert shop.user("ada", EMAIL) in (200, 201)
    assert [shop.order(reference)["userId"] for reference in "ABC"] == ["ada", None, "ada"]
    (warning,) = shop.order("B")["warnings"]
    assert warning["code"] == "not_claimed"
    assert "must not count for more than" in warning["sentence"]
    assert shop.order("C")["points"]["granted"] == 30
    session.expire_all()
    assert find_differences(session) == []
    refused = client.post(
        f"{API}/orders/B/claim",
        json={"userId": "ada", "reason": "asked"},
        headers=bearer(make_token(session, "admin")),
    )
    assert refused.status_code == 422
    assert shop.order("B")["userId"] is None


def test_without_waiting_orders_nothing_is_written(client: FlaskClient, session: Session, shop: Shop) -> None:
    with counted(session) as sent:
        by_the_shop(client, session)
    assert len([statement for statement in sent if "loyalty_orders" in statement]) == 1
    sign_in(client, make_user(session, role="operator"))
    people = [f"u-{number},u-{number}@example.com,Somebody,," for number in range(40)]
    with counted(session) as sent:
        bring(session, client, "\n".join([HEADS, *people, ""]))
    assert len([statement for statement in sent if "loyalty_orders" in statement]) == 1
    assert session.scalars(select(OutboxMessage).where(OutboxMessage.topic == CLAIM_TOPIC)).all() == []
    assert session.scalars(select(Member).where(Member.user_id == "ada")).all() == []


def test_of_a_file_only_those_are_looked_at_for_whom_something_waits(
    client: FlaskClient, session: Session, shop: Shop
) -> None:
    shop.put("A-1")
    shop.put("A-2")
    shop.put("B-1", email="bob@example.com")
    by_a_file_of_many(client, session)
    made = session.scalars(select(OutboxMessage).where(OutboxMessage.topic == CLAIM_TOPIC)).all()
    assert sorted(message.payload["user_id"] for message in made) == ["ada", "bob"]
    assert all(message.status == "done" for message in made)
    assert [shop.order(reference)["userId"] for reference in ("A-1", "A-2", "B-1")] == ["ada", "ada", "bob"]


def test_a_link_opened_many_times_at_once_claims_once(committed_app: Portal) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        shop = Shop(committed_app.test_client(), make_token(session, "orders"))
    for number in range(3):
        shop.put(f"A-{number}")
    register(committed_app.test_client())
    with committed_app.app_context(), unit_of_work() as session:
        path = link_mailed_to(session, EMAIL)

    def follow(_: int) -> int:
        client = committed_app.test_client()
        return client.post(path, data={"csrf_token": csrf(client)}).status_code

    assert sorted(at_once(committed_app, 6, follow)) == [303] + [410] * 5
    with committed_app.app_context(), unit_of_work() as session:
        assert session.scalars(select(LedgerEntry.amount)).all() == [30, 30, 30]
        assert find_differences(session) == []


def test_an_order_told_while_its_address_is_verified_is_never_missed(committed_app: Portal) -> None:
    """Whichever comes first, in the end it is theirs and has earned once."""
    with committed_app.app_context(), unit_of_work() as session:
        token = make_token(session, "orders")
    for number in range(8):
        email = f"guest-{number}@example.com"

        def both(which: int, number: int = number, email: str = email) -> Any:
            shop = Shop(committed_app.test_client(), token)
            if which == 0:
                return shop.user(f"guest-{number}", email)
            return shop.put(f"G-{number}-{which}", email=email)

        at_once(committed_app, 4, both)
    with committed_app.app_context(), unit_of_work() as session:
        missed = session.scalars(select(Order.reference).where(Order.member_id.is_(None))).all()
        assert missed == []
        assert session.scalars(select(LedgerEntry.amount)).all() == [30] * 24
        assert len(session.scalars(select(User.id)).all()) == 8
        assert find_differences(session) == []


def test_orders_told_again_while_they_are_claimed_end_the_same(committed_app: Portal) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        token = make_token(session, "orders")
    for number in range(4):
        Shop(committed_app.test_client(), token).put(f"A-{number}")

    def both(which: int) -> Any:
        shop = Shop(committed_app.test_client(), token)
        return shop.user("ada", EMAIL) if which == 0 else shop.put(f"A-{4 - which}")

    at_once(committed_app, 5, both)
    with committed_app.app_context(), unit_of_work() as session:
        assert sorted(session.scalars(select(LedgerEntry.amount)).all()) == [30] * 4
        assert find_differences(session) == []
