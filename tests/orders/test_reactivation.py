"""Suspended by the API, and active again: orders earn nothing meanwhile, and then what they should (CONTRACT R12)."""

import random
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from portal.earning.rules import RuleTerms
from portal.earning.versions import put_rule
from portal.ledger.models import LedgerEntry
from portal.ledger.verify import find_differences
from portal.members.models import Member
from portal.orders.commands import operating
from portal.orders.commands.operating import REACTIVATION_TOPIC
from portal.orders.models import Order, OrderState
from portal.orders.web import listeners
from portal.platform import clock, ids
from portal.platform.audit import Act
from portal.platform.db import unit_of_work
from portal.platform.models import AuditEntry, OutboxMessage
from portal.platform.outbox import Claimed, deliver
from portal.platform.web.application import Portal
from tests.concurrency import at_once
from tests.contract.orders import order_of
from tests.factories.accounts import bearer, csrf, make_token, make_user, sign_in
from tests.factories.loyalty import make_member

API = "/api/v1/loyalty"
WHY = {"reason": "a chargeback"}


class Shop:
    """A shop that tells of orders, and suspends."""

    def __init__(self, client: FlaskClient, token: str) -> None:
        self.client, self.headers = client, bearer(token)

    def order(self, reference: str, amount: int = 3000, **fields: Any) -> Any:
        body = order_of(amount, **{"userId": "ada", **fields})
        answer = self.client.put(f"{API}/orders/{reference}", json=body, headers=self.headers)
        assert answer.status_code in (200, 201), answer.text
        return answer.get_json()["order"]

    def get(self, reference: str) -> Any:
        return self.client.get(f"{API}/orders/{reference}", headers=self.headers).get_json()

    def send(self, verb: str, user_id: str = "ada", body: Any = WHY) -> Any:
        return self.client.post(f"{API}/members/{user_id}/{verb}", json=body, headers=self.headers)

    def act(self, verb: str) -> Any:
        answer = self.send(verb)
        assert answer.status_code == 200, answer.text
        return answer.get_json()

    def member(self) -> Any:
        return self.client.get(f"{API}/members/ada", headers=self.headers).get_json()


@pytest.fixture
def shop(client: FlaskClient, session: Session) -> Shop:
    make_user(session, id="ada")
    return Shop(client, make_token(session, "admin"))


def reasons(order: Any) -> list[str]:
    return [each["code"] for each in order["reasons"]]


def messages(session: Session) -> list[OutboxMessage]:
    return list(session.scalars(select(OutboxMessage).where(OutboxMessage.topic == REACTIVATION_TOPIC)))


@pytest.mark.parametrize("member", [True, False])
def test_the_answer_is_the_member_and_the_act_is_audited_once(shop: Shop, session: Session, member: bool) -> None:
    if member:
        shop.member()
    for verb, status in (("suspend", "suspended"), ("reactivate", "active")):
        first = shop.act(verb)
        assert first["status"] == status
        assert shop.act(verb) == first == shop.member()
    entries = session.scalars(select(AuditEntry).where(AuditEntry.object_type == "member").order_by(AuditEntry.id))
    assert [(entry.action, entry.reason, entry.before, entry.after) for entry in entries] == [
        ("member.suspend", "a chargeback", {"status": "active"}, {"status": "suspended"}),
        ("member.reactivate", "a chargeback", {"status": "suspended"}, {"status": "active"}),
    ]
    assert len(messages(session)) == 1


@pytest.mark.parametrize("verb", ["suspend", "reactivate"])
def test_who_and_what_is_refused(shop: Shop, session: Session, verb: str) -> None:
    assert (shop.send(verb, "nobody").status_code, shop.send(verb, "nobody").get_json()["code"]) == (
        404,
        "user_not_found",
    )
    for body in ({}, {"reason": ""}, {"reason": "x" * 201}, {"reason": "a\x00"}, {**WHY, "status": "active"}):
        assert shop.send(verb, body=body).status_code == 422
    for scope in ("member", "checkout", "orders"):
        other = Shop(shop.client, make_token(session, scope))
        assert other.send(verb).status_code == 403
    assert session.scalars(select(AuditEntry).where(AuditEntry.object_type == "member")).all() == []


def test_orders_of_a_suspended_member_earn_when_they_are_active_again(shop: Shop, session: Session) -> None:
    shop.order("A-1")
    shop.act("suspend")
    assert reasons(shop.order("A-2")) == ["member_suspended"]
    assert reasons(shop.order("A-3", status="placed")) == ["member_suspended"]
    assert reasons(shop.order("A-4", test=True)) == ["test_order"]
    assert reasons(shop.order("A-5", status="cancelled")) == ["cancelled"]
    assert shop.member()["balance"] == 30
    shop.act("reactivate")
    assert shop.get("A-2")["points"]["active"] == 0, "a worker does it"
    deliver()
    session.expire_all()
    assert [reasons(shop.get(f"A-{n}")) for n in range(1, 6)] == [[], [], ["not_paid"], ["test_order"], ["cancelled"]]
    assert shop.member()["balance"] == 60
    states = session.execute(
        select(OrderState.reference, OrderState.change, OrderState.actor)
        .where(OrderState.cause == "reactivation")
        .order_by(OrderState.reference)
    ).all()
    assert [tuple(row) for row in states] == [
        ("A-2", 2, "system:member_reactivated"),
        ("A-3", 2, "system:member_reactivated"),
    ]
    before = session.scalars(select(OrderState.change)).all()
    for message in messages(session):
        listeners.look_again(Claimed(message.id, message.topic, message.payload, 1, 1))
    assert session.scalars(select(OrderState.change)).all() == before, "told again, nothing is left to do"
    assert shop.order("A-3")["points"]["active"] == 30
    assert find_differences(session) == []


def test_a_friends_order_converts_their_referral_when_they_are_active_again(shop: Shop, session: Session) -> None:
    inviter = make_member(session)
    shop.act("suspend")
    assert shop.order("A-1", referralCode=inviter.referral_code)["points"]["granted"] == 0
    shop.act("reactivate")
    deliver()
    session.expire_all()
    assert (inviter.balance, shop.member()["balance"], shop.get("A-1")["warnings"]) == (500, 130, [])
    assert find_differences(session) == []


def test_what_an_edit_added_meanwhile_is_earned_then(shop: Shop, session: Session) -> None:
    shop.order("A-1", 5000)
    shop.order("A-2", 5000)
    shop.act("suspend")
    more = shop.order("A-1", 8000)
    assert (more["points"]["active"], reasons(more)) == (50, ["member_suspended"])
    less = shop.order("A-2", 2000)
    assert (less["points"]["active"], reasons(less)) == (20, [])
    shop.act("reactivate")
    deliver()
    session.expire_all()
    assert [(shop.get(f"A-{n}")["points"]["active"], reasons(shop.get(f"A-{n}"))) for n in (1, 2)] == [
        (80, []),
        (20, []),
    ]
    assert find_differences(session) == []


def test_who_is_suspended_again_before_the_worker_comes_waits_on(shop: Shop, session: Session) -> None:
    shop.act("suspend")
    shop.order("A-1")
    shop.act("reactivate")
    shop.act("suspend")
    deliver()
    session.expire_all()
    assert (shop.member()["balance"], reasons(shop.get("A-1"))) == (0, ["member_suspended"])
    shop.act("reactivate")
    deliver()
    session.expire_all()
    assert (shop.member()["balance"], reasons(shop.get("A-1"))) == (30, [])


def test_the_console_does_the_same(shop: Shop, session: Session, client: FlaskClient) -> None:
    shop.act("suspend")
    shop.order("A-1")
    sign_in(client, make_user(session, role="operator"))
    form = {"csrf_token": csrf(client), "idempotency_key": ids.encode(ids.new_id()), "reason": "It was paid."}
    assert client.post("/admin/members/ada/reactivate", data=form).status_code == 303
    deliver()
    session.expire_all()
    assert shop.member()["balance"] == 30


def test_many_orders_are_looked_at_some_at_a_time(
    shop: Shop, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listeners, "BATCH", 3)
    shop.act("suspend")
    for number in range(7):
        shop.order(f"A-{number}", 1000)
    shop.act("reactivate")
    for _ in range(4):
        deliver()
    session.expire_all()
    assert (shop.member()["balance"], len(messages(session))) == (70, 3)
    assert {message.status for message in messages(session)} == {"done"}


def test_they_are_found_by_their_index(shop: Shop, session: Session) -> None:
    session.execute(text("SET LOCAL enable_seqscan = off"))
    values = {"member_id": ids.new_id(), "after": "", "limit": 10}
    plan = "\n".join(session.scalars(text(f"EXPLAIN {operating._HELD_BACK.text}"), values))
    assert "ix_loyalty_orders_suspended" in plan


def test_limits_and_first_orders_hold_for_what_is_earned_then(shop: Shop, session: Session) -> None:
    first = {"name": "First", "kind": "first_order", "points": 100}
    large = {"name": "Any", "kind": "order", "points": 7, "limits": {"perMember": {"times": 1, "window": "ever"}}}
    for slug, terms in (("first", first), ("any", large)):
        put_rule(session, slug, RuleTerms.model_validate(terms), Act("test", clock.now()))
    shop.act("suspend")
    shop.order("A-1")
    shop.order("A-2")
    shop.act("reactivate")
    deliver()
    session.expire_all()
    assert shop.member()["balance"] == 30 + 30 + 100 + 7
    assert find_differences(session) == []


def test_orders_told_while_the_status_changes_end_right(committed_app: Portal) -> None:
    """On real connections, nobody waits for ever, and in the end every order has earned what it should."""
    with committed_app.app_context(), unit_of_work() as session:
        make_member(session, make_user(session, id="ada"))
        token = make_token(session, "admin")
    chance = random.Random(7)
    seeds = [chance.random() for _ in range(8)]

    def act(which: int) -> None:
        shop, own = Shop(committed_app.test_client(), token), random.Random(seeds[which])
        for _ in range(6):
            if which < 2:
                shop.act(own.choice(("suspend", "reactivate")))
                deliver()
            else:
                shop.order(f"A-{own.randrange(6)}", 1000 * own.randrange(1, 5))

    at_once(committed_app, 8, act)
    shop = Shop(committed_app.test_client(), token)
    shop.act("suspend")
    shop.act("reactivate")
    with committed_app.app_context():
        while deliver()["done"]:
            pass
        with unit_of_work() as session:
            orders = session.scalars(select(Order)).all()
            assert [(order.reasons, order.granted - order.reversed) for order in orders] == [
                ([], order.total // 100) for order in orders
            ]
            balance = session.scalars(select(Member.balance)).one()
            assert balance == sum(order.total // 100 for order in orders)
            assert balance == sum(session.scalars(select(LedgerEntry.amount)))
            assert find_differences(session) == []
