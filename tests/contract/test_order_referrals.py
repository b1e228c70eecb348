"""Referrals that orders convert and take back: both sides or none, and once more for the next order (R11)."""

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.ledger.verify import find_differences
from portal.platform import clock
from portal.platform.db import db, unit_of_work
from portal.platform.web.application import Portal
from tests.concurrency import at_once
from tests.contract.api import Api
from tests.contract.document import Document, Json
from tests.contract.orders import Orders, line, order_of, put_rule
from tests.contract.shop import Shop
from tests.factories.accounts import make_token, make_user
from tests.resilience.workers import Process, environment

MINIMUM = {"referral_minimum_order": 5_000}
DAY = timedelta(days=1)
FIGURES = text("""
    SELECT user_id, balance, pending, owed, lifetime_earned FROM loyalty_members WHERE user_id IN ('ann', 'ben', 'cy')
""")


@pytest.fixture
def minimum(client: FlaskClient) -> Iterator[None]:
    """Orders of 50.00 convert."""
    app = client.application
    before = app.config["SETTINGS"]
    app.config["SETTINGS"] = before.model_copy(update=MINIMUM)
    yield
    app.config["SETTINGS"] = before


@pytest.fixture
def code(session: Session, shop: Shop) -> str:
    """The personal code of ann, who invites ben; cy is another friend."""
    for name in ("ann", "ben", "cy"):
        make_user(session, id=name)
    return str(shop.member("ann")["referralCode"])


@pytest.fixture
def world(minimum: None, clean_ledger: None) -> None:
    """The programme of these tests, whose ledger adds up at their end."""


def refund(amount: int, refund_id: str = "R", **fields: Any) -> Json:
    return {"refundId": refund_id, "lines": [{"lineId": "1", "amount": amount}], **fields}


def invites(shop: Shop, user_id: str = "ann") -> Json:
    answer = shop.api.get("/referrals/conversions", headers={"X-User-Id": user_id})
    assert answer.status_code == 200
    return {**answer.get_json()["invites"], "earned": answer.get_json()["pointsEarned"]}


def counted(shop: Shop) -> tuple[int, int, int]:
    """Ann's conversions, those that were reversed, and what she has earned by them."""
    found = invites(shop)
    return found["converted"], found["reversed"], found["earned"]


def balances(shop: Shop, *names: str) -> list[int]:
    return [shop.member(name)["balance"] for name in names or ("ann", "ben")]


@pytest.mark.parametrize(("back", "left"), [(1_500, [0, 45]), (500, [500, 155]), (1_000, [500, 150]), (1_001, [0, 49])])
@pytest.mark.usefixtures("world")
def test_a_refund_below_the_minimum_takes_both_sides_back(
    orders: Orders, shop: Shop, code: str, back: int, left: list[int]
) -> None:
    """Example N: 60.00 with a minimum of 50.00; 15.00 refunded reverses both sides, 5.00 does not."""
    body = order_of(6_000, userId="ben", referralCode=code)
    assert orders.put("A", body)["referral"]["status"] == "converted"
    assert balances(shop) == [500, 160]
    answer = orders.put("A", {**body, "refunds": [refund(back)]})
    assert balances(shop) == left
    gone = left[0] == 0
    assert answer["referral"]["status"] == ("reversed" if gone else "converted")
    assert counted(shop) == ((0, 1, 0) if gone else (1, 0, 500))
    assert sorted(entry["amount"] for entry in answer["entries"] if entry["metadata"].get("reverses")) == (
        [-500, -100] if gone else []
    )


@pytest.mark.parametrize(
    "change",
    [
        {"status": "cancelled"},
        {"test": True},
        {"currency": "USD"},
        {"lines": [line(4_999)]},
        {"refunds": [refund(6_000)]},
        {"refunds": [{"refundId": "R", "amount": 6_000}]},
        {"refunds": [refund(600, "R"), refund(600, "S")]},
        {"userId": "cy", "referralCode": None},
    ],
)
@pytest.mark.usefixtures("world")
def test_whatever_brings_the_order_down_takes_both_sides_back(
    orders: Orders, shop: Shop, code: str, change: Json
) -> None:
    body = order_of(6_000, userId="ben", referralCode=code)
    orders.put("A", body)
    orders.put("A", {name: value for name, value in {**body, **change}.items() if value is not None})
    assert counted(shop) == (0, 1, 0)
    assert balances(shop, "ann") == [0]
    reversal = shop.ledger("ben", types="reversal")
    assert [entry["amount"] for entry in reversal if entry["metadata"].get("reverses") == "referee"] == [-100]


@pytest.mark.usefixtures("world")
def test_an_order_that_moves_converts_for_its_new_member(orders: Orders, shop: Shop, code: str) -> None:
    body = order_of(6_000, userId="ben", referralCode=code)
    orders.put("A", body)
    orders.put("A", {**body, "userId": "cy"})
    assert counted(shop) == (1, 1, 500)
    assert balances(shop, "ann", "ben", "cy") == [500, 0, 160]


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("back", [1_500, 6_000])
@pytest.mark.usefixtures("world")
def test_the_next_order_that_is_large_enough_converts_once_more(
    orders: Orders, shop: Shop, code: str, told: bool, back: int
) -> None:
    body = order_of(6_000, userId="ben", referralCode=code)
    orders.put("A", body)
    orders.put("A", {**body, "refunds": [refund(back)]})
    more = {"userId": "ben", **({"referralCode": code} if told else {})}
    assert orders.put("B", order_of(4_000, **more))["referral"] is None
    assert orders.put("C", order_of(7_000, **more))["referral"]["status"] == "converted"
    assert orders.put("D", order_of(8_000, **more))["referral"] is None
    assert counted(shop) == (1, 1, 500)
    listed = shop.api.get("/referrals", headers={"X-User-Id": "ann"}).get_json()["referrals"]
    assert [each["status"] for each in listed] == ["converted", "reversed"]
    orders.put("C", {**order_of(7_000, **more), "status": "cancelled"})
    assert counted(shop) == (0, 2, 0)


@pytest.mark.usefixtures("world")
def test_the_one_who_came_by_an_invite_of_their_own_converts_again_without_a_code(
    orders: Orders, shop: Shop, code: str
) -> None:
    made = shop.api.post("/members/ann/referrals", {"channel": "link"}).get_json()
    body = order_of(6_000, userId="ben", referralCode=made["code"])
    orders.put("A", body)
    orders.put("A", {**body, "status": "cancelled"})
    again = orders.put("B", order_of(5_000, userId="ben"))["referral"]
    assert (again["status"], again["rewardPoints"]) == ("converted", 500)
    assert again["id"] != made["id"]
    assert counted(shop) == (1, 1, 500)
    cy = orders.put("C", order_of(6_000, userId="cy", referralCode=made["code"]))
    assert [warning["code"] for warning in cy["order"]["warnings"]] == ["referral_not_converted"]


@pytest.mark.usefixtures("world")
def test_a_refund_that_is_undone_converts_again(orders: Orders, shop: Shop, code: str) -> None:
    body = order_of(6_000, userId="ben", referralCode=code)
    orders.put("A", body)
    orders.put("A", {**body, "refunds": [refund(1_500)]})
    assert orders.put("A", {**body, "refunds": []})["referral"]["status"] == "converted"
    assert counted(shop) == (1, 1, 500)
    assert balances(shop) == [500, 160]
    orders.put("A", {**body, "refunds": [refund(1_500, "S")]})
    assert balances(shop) == [0, 45]
    assert counted(shop) == (0, 2, 0)


@pytest.mark.parametrize(("days", "kept"), [(59, False), (60, False), (61, True)])
@pytest.mark.usefixtures("world")
def test_after_sixty_days_the_conversion_stays(orders: Orders, shop: Shop, code: str, days: int, kept: bool) -> None:
    body, now = order_of(6_000, userId="ben", referralCode=code), clock.now()
    with clock.at(now):
        orders.put("A", body)
    with clock.at(now + days * DAY):
        orders.put("A", {**body, "status": "cancelled"})
    assert counted(shop) == ((1, 0, 500) if kept else (0, 1, 0))


@pytest.mark.parametrize("setting", [{"referral_clawback_days": 0}, {"referral_minimum_order": 0}])
@pytest.mark.usefixtures("world")
def test_the_programme_decides(
    client: FlaskClient, orders: Orders, shop: Shop, code: str, setting: dict[str, int]
) -> None:
    app = client.application
    app.config["SETTINGS"] = app.config["SETTINGS"].model_copy(update=setting)
    body = order_of(6_000, userId="ben", referralCode=code)
    orders.put("A", body)
    orders.put("A", {**body, "refunds": [refund(5_900)]})
    assert counted(shop) == (1, 0, 500)
    orders.put("A", {**body, "refunds": [refund(6_000)]})
    assert counted(shop) == ((1, 0, 500) if "referral_clawback_days" in setting else (0, 1, 0))


@pytest.mark.usefixtures("world")
def test_a_minimum_that_was_raised_takes_back_nothing_by_itself(
    client: FlaskClient, orders: Orders, shop: Shop, code: str
) -> None:
    app = client.application
    body = order_of(6_000, userId="ben", referralCode=code)
    orders.put("A", body)
    app.config["SETTINGS"] = app.config["SETTINGS"].model_copy(update={"referral_minimum_order": 9_000})
    orders.put("A", {**body, "status": "fulfilled"})
    orders.put("A", {**body, "lines": [line(7_000)]})
    assert counted(shop) == (1, 0, 500)


@pytest.mark.usefixtures("world")
def test_what_was_completed_by_hand_follows_its_order(orders: Orders, shop: Shop, code: str) -> None:
    told = {"code": code, "refereeUserId": "ben", "orderReference": "A", "orderAmount": 6_000}
    shop.api.post("/referrals/complete", told)
    body = order_of(6_000, userId="ben")
    orders.put("A", {**body, "status": "placed"})
    orders.put("A", body)
    assert counted(shop) == (1, 0, 500)
    orders.put("A", {**body, "refunds": [refund(1_500)]})
    assert counted(shop) == (0, 1, 0)
    again = shop.api.post("/referrals/complete", told)
    assert (again.status_code, again.get_json()["code"]) == (409, "referral_already_reversed")
    assert orders.put("A", {**body, "refunds": []})["referral"]["status"] == "converted"


@pytest.mark.parametrize("change", [{"status": "cancelled"}, {"refunds": [refund(1_500)]}])
@pytest.mark.usefixtures("world")
def test_an_order_that_is_first_told_of_as_refunded_takes_back_too(
    orders: Orders, shop: Shop, code: str, change: Json
) -> None:
    shop.api.post(
        "/referrals/complete", {"code": code, "refereeUserId": "ben", "orderReference": "A", "orderAmount": 6_000}
    )
    orders.put("A", {**order_of(6_000, userId="ben"), **change})
    assert counted(shop) == (0, 1, 0)


@pytest.mark.usefixtures("world")
def test_after_a_void_no_order_converts_again(orders: Orders, shop: Shop, code: str) -> None:
    body = order_of(6_000, userId="ben", referralCode=code)
    made = orders.put("A", body)["referral"]
    assert shop.api.post(f"/referrals/{made['id']}/void", {"reason": "one person"}).status_code == 200
    assert orders.put("A", {**body, "refunds": [refund(1_500)]})["referral"] is None
    assert orders.put("A", {**body, "refunds": []})["referral"] is None
    answer = orders.put("B", body)
    assert answer["referral"] is None
    (warning,) = answer["order"]["warnings"]
    assert warning["code"] == "referral_not_converted"
    assert counted(shop) == (0, 1, 0)


@pytest.mark.usefixtures("world")
def test_a_single_refund_takes_back_as_its_quote_says_and_undone_converts_again(
    orders: Orders, shop: Shop, code: str
) -> None:
    made = orders.put("A", order_of(6_000, userId="ben", referralCode=code))["referral"]
    small = orders.api.post("/orders/A/refunds/quote", refund(500, "S")).get_json()
    assert small["referral"] is None
    quote = orders.api.post("/orders/A/refunds/quote", refund(1_500)).get_json()
    assert (quote["referral"]["id"], quote["referral"]["status"]) == (made["id"], "reversed")
    assert counted(shop) == (1, 0, 500)
    back = orders.api.post("/orders/A/refunds", {**refund(1_500), "quoteId": quote["quoteId"]})
    assert (back.status_code, back.get_json()["referral"]["status"]) == (201, "reversed")
    assert counted(shop) == (0, 1, 0)
    undone = orders.api.send("DELETE", "/orders/A/refunds/R")
    assert undone.get_json()["referral"]["status"] == "converted"
    assert counted(shop) == (1, 1, 500)


@pytest.mark.usefixtures("world")
def test_a_quote_is_stale_once_the_referral_is_voided(orders: Orders, shop: Shop, code: str) -> None:
    made = orders.put("A", order_of(6_000, userId="ben", referralCode=code))["referral"]
    quote = orders.api.post("/orders/A/refunds/quote", refund(1_500)).get_json()
    shop.api.post(f"/referrals/{made['id']}/void", {"reason": "one person"})
    answer = orders.api.post("/orders/A/refunds", {**refund(1_500), "quoteId": quote["quoteId"]})
    assert (answer.status_code, answer.get_json()["code"]) == (409, "quote_stale")


@pytest.mark.parametrize("status", ["suspended", "active"])
@pytest.mark.usefixtures("world")
def test_what_was_spent_is_owed_by_a_suspended_member_too(orders: Orders, shop: Shop, code: str, status: str) -> None:
    body = order_of(6_000, userId="ben", referralCode=code)
    orders.put("A", body)
    shop.fulfill(shop.redeem("ann", points=450))
    if status == "suspended":
        shop.api.post("/members/ann/suspend", {"reason": "odd"})
    orders.put("A", {**body, "status": "cancelled"})
    owed = db.session.execute(FIGURES).all()
    assert {row.user_id: (row.balance, row.owed) for row in owed}["ann"] == (0, 450)


@pytest.mark.usefixtures("world")
def test_a_batch_takes_back_and_converts_again(orders: Orders, shop: Shop, code: str) -> None:
    body = order_of(6_000, userId="ben", referralCode=code)
    rows = [
        {"orderReference": "A", **body},
        {"orderReference": "A", **body, "status": "cancelled"},
        {"orderReference": "B", **order_of(5_000, userId="ben")},
    ]
    answer = orders.api.post("/orders/batch", {"mode": "live", "items": rows}).get_json()
    told = [each["body"]["referral"] for each in answer["results"]]
    assert [each["status"] for each in told] == ["reversed", "reversed", "converted"]
    assert told[0]["id"] == told[1]["id"] != told[2]["id"]
    assert counted(shop) == (1, 1, 500)


# With real commits from here on.


@pytest.fixture
def token(committed_app: Portal) -> str:
    """The token of an operator's system; ann has invited ben, whose order `A` has converted that."""
    committed_app.config["SETTINGS"] = committed_app.config["SETTINGS"].model_copy(update=MINIMUM)
    with committed_app.app_context(), unit_of_work() as session:
        made = make_token(session, "admin")
        for name in ("ann", "ben"):
            make_user(session, id=name)
    return made


@pytest.fixture
def live(committed_app: Portal, document: Document, token: str) -> Orders:
    return Orders(Api(committed_app.test_client(), document, token))


@pytest.fixture
def body(live: Orders) -> Json:
    """Order `A` of ben, which has converted."""
    code = Shop(live.api).member("ann")["referralCode"]
    told = order_of(6_000, userId="ben", referralCode=code)
    assert live.put("A", told)["referral"]["status"] == "converted"
    return told


def figures(app: Portal) -> dict[str, tuple[int, ...]]:
    with app.app_context(), unit_of_work() as session:
        assert find_differences(session) == []
        return {row.user_id: tuple(row[1:]) for row in session.execute(FIGURES)}


def test_refunds_voids_and_orders_at_once_leave_one_conversion_at_most(
    committed_app: Portal, document: Document, token: str, live: Orders, body: Json
) -> None:
    made = live.api.get("/referrals", headers={"X-User-Id": "ann"}).get_json()["referrals"][0]

    def call(number: int) -> int:
        api = Api(committed_app.test_client(), document, token)
        if number % 4 == 0:
            return api.post(f"/referrals/{made['id']}/void", {"reason": "odd"}).status_code
        if number % 4 == 1:
            return api.put("/orders/A", {**body, "refunds": [refund(1_500)]}).status_code
        if number % 4 == 2:
            return api.put(f"/orders/B{number}", order_of(6_000, userId="ben")).status_code
        return api.put("/orders/A", {**body, "refunds": []}).status_code

    assert set(at_once(committed_app, 16, call)) <= {200, 201, 409}
    assert figures(committed_app)["ann"][1:3] == (0, 0)
    standing = invites(Shop(live.api))
    assert standing["converted"] <= 1
    assert figures(committed_app)["ann"][0] == standing["earned"] == 500 * standing["converted"]


TELL = """
import sys
from portal.orders import OrderInput
from portal.orders.rules import OrderRules
from portal.orders.taking import put_order
from portal.platform import clock
from portal.platform.audit import Act
from portal.platform.db import unit_of_work
from portal.platform.settings import current_settings
from portal.app import create_app

with create_app().app_context(), unit_of_work() as session:
    body = OrderInput.model_validate_json(sys.argv[1])
    put_order(session, "A", body, Act("token:shop", clock.now()), OrderRules.of(current_settings()))
"""
BLOCKS = {
    "before_both": "SELECT FROM loyalty_point_expirations WHERE points = 500 FOR UPDATE",
    "between_both": "SELECT FROM loyalty_point_expirations WHERE points = 100 FOR UPDATE",
    "after_both": "SELECT FROM loyalty_referral_invites FOR UPDATE",
}
WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")


@pytest.mark.parametrize("block", list(BLOCKS))
def test_one_that_is_killed_in_the_middle_leaves_both_sides_or_none(
    committed_app: Portal, live: Orders, body: Json, block: str
) -> None:
    whole = figures(committed_app)
    less = {**body, "refunds": [refund(1_500)]}
    with committed_app.app_context(), db.engine.connect() as connection:
        connection.execute(text(BLOCKS[block]))
        variables = environment(committed_app, REFERRAL_MINIMUM_ORDER="5000")
        teller = Process(["-c", TELL, json.dumps(less)], variables)
        try:
            deadline = time.monotonic() + 30
            with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as watcher:
                while not watcher.scalar(WAITING):
                    assert time.monotonic() < deadline
                    time.sleep(0.02)
        finally:
            teller.kill()
        connection.rollback()
    assert teller.popen.returncode == -9
    time.sleep(0.2)
    assert figures(committed_app) == whole
    assert live.put("A", less)["referral"]["status"] == "reversed"
    assert figures(committed_app) == {"ann": (0, 0, 0, 0), "ben": (45, 0, 0, 45)}


@pytest.mark.usefixtures("world")
def test_an_order_that_was_given_back_after_its_points_were_spent_makes_no_old_customer(
    orders: Orders, shop: Shop, code: str
) -> None:
    orders.put("old", order_of(1_000, userId="ben"))
    shop.fulfill(shop.redeem("ben", points=10))
    orders.refund("old", refund(1_000))
    assert shop.member("ben")["owed"] == 10
    assert orders.put("new", order_of(6_000, userId="ben", referralCode=code))["referral"]["status"] == "converted"


@pytest.mark.usefixtures("world")
def test_an_order_whose_points_wait_makes_an_old_customer_until_it_is_given_back(
    orders: Orders, shop: Shop, admin: Api, code: str
) -> None:
    put_rule(admin, "base", kind="spend", points=1, perAmount=100, pendingDays=14)
    now = clock.now().isoformat()
    orders.put("old", order_of(1_000, userId="ben", placedAt=now, paidAt=now))
    new = order_of(6_000, userId="ben", placedAt=now, paidAt=now, referralCode=code)
    assert [each["sentence"] for each in orders.put("new", new)["order"]["warnings"]] == [
        "The referral code was not converted: referee_not_new."
    ]
    orders.refund("old", refund(1_000))
    assert orders.put("newer", new)["order"]["warnings"] != []  # the order before it stands
    orders.put("new", {**new, "status": "cancelled"})
    assert orders.put("newest", {**new, "lines": [line(7_000)]})["order"]["warnings"] != []
    orders.put("newer", {**new, "status": "cancelled"})
    assert orders.put("newest", new)["referral"]["status"] == "converted"


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(("placed", "converted"), [(-DAY, False), (DAY, True)])
def test_an_order_that_was_placed_before_the_invite_and_told_of_later_counts(
    orders: Orders, shop: Shop, code: str, placed: timedelta, converted: bool
) -> None:
    now = clock.now()
    made = shop.api.post("/referrals", {"channel": "link"}, headers={"X-User-Id": "ann"})
    assert made.status_code == 201, made.get_json()
    orders.put("old", order_of(1_000, userId="ben", placedAt=(now + placed).isoformat()))
    done = orders.put("new", order_of(6_000, userId="ben", referralCode=made.get_json()["code"]))
    assert (done["referral"] is not None, done["order"]["warnings"] == []) == (converted, converted)
