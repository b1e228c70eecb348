"""Tiers that what was reversed had opened are taken back at the end of the day, announced to nobody (R10)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from portal.accounts.models import User
from portal.jobs.web.progression import run_loyalty_progression
from portal.ledger.verify import find_differences
from portal.notifications.sending import send_loyalty_tier_upgrade
from portal.platform import clock
from portal.platform.db import db, unit_of_work
from portal.platform.models import OutboxMessage
from portal.platform.steps import Shard
from portal.platform.web.application import Portal
from portal.tiers.models import TierChange
from tests.concurrency import at_once
from tests.contract.api import Api
from tests.contract.document import Document, Json
from tests.contract.orders import Orders, line, order_of
from tests.contract.shop import Shop
from tests.factories.accounts import make_token, make_user, sign_in

DAY = timedelta(days=1)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HISTORY = text("""
    SELECT f.slug AS begun, t.slug AS ended, c.reason, c.lifetime_earned FROM loyalty_tier_changes c
    JOIN loyalty_members m ON m.id = c.member_id
    LEFT JOIN loyalty_tiers f ON f.id = c.from_tier_id LEFT JOIN loyalty_tiers t ON t.id = c.to_tier_id
    WHERE m.user_id = 'ann' ORDER BY c.last_seq, c.changed_at, c.id
""")


@pytest.fixture(autouse=True)
def no_streaks(app: Portal) -> Iterator[None]:
    """Weeks bring no points here."""
    before = app.config["SETTINGS"]
    app.config["SETTINGS"] = before.model_copy(update={"streak_bonus_points": 0})
    yield
    app.config["SETTINGS"] = before


@pytest.fixture
def tiers(session: Session, shop: Shop, clean_ledger: None) -> None:
    """Base, silver at 500, gold at 1,000 and platinum at 5,000; Ann is a member."""
    for slug, threshold in {"base": 0, "silver": 500, "gold": 1_000, "platinum": 5_000}.items():
        shop.tier(slug, threshold)
    make_user(session, id="ann")
    with clock.at(NOON - 400 * DAY):
        assert shop.member("ann")["tier"]["slug"] == "base"
    session.execute(text("UPDATE loyalty_requalifications SET finished_at = now()"))


def progress(at: datetime) -> dict[str, int]:
    """Run the job as of a moment; what it did about tiers."""
    totals = {"members": 0, "unearned": 0}
    with clock.at(at):
        for step in run_loyalty_progression(at):
            for number in range(step.shards):
                while (piece := step.work(Shard(number, step.shards))) is not None:
                    if step.name == "tiers_in_doubt":
                        totals = {name: totals[name] + piece[name] for name in totals}
    return totals


def put(orders: Orders, reference: str, points: int, at: datetime, **fields: Any) -> Json:
    """Tell of an order of so many points, at that moment."""
    with clock.at(at):
        return orders.put(
            reference, {**order_of(points * 100, userId="ann"), "placedAt": at.isoformat(), "refunds": [], **fields}
        )


def refund(points: int, refund_id: str = "R", **fields: Any) -> Json:
    return {"refundId": refund_id, "lines": [{"lineId": "1", "amount": points * 100}], **fields}


def tier_of(shop: Shop) -> str:
    return str(shop.member("ann")["tier"]["slug"])


def history(session: Session) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in session.execute(HISTORY)]


def told(session: Session) -> int:
    topics = select(OutboxMessage.topic).where(OutboxMessage.topic == "tier_upgraded")
    return len(session.scalars(topics).all())


@pytest.mark.usefixtures("tiers")
def test_the_tier_that_a_refunded_order_had_opened_ends_with_the_day(
    client: FlaskClient, session: Session, orders: Orders, shop: Shop
) -> None:
    """Example M: 900 + order 300 = Gold at 1,000; 250 refunded: unearned at the day's end."""
    put(orders, "A", 900, NOON - 200 * DAY)
    put(orders, "B", 300, NOON)
    assert tier_of(shop) == "gold"
    before = told(session)
    put(orders, "B", 300, NOON + timedelta(hours=1), placedAt=NOON.isoformat(), refunds=[refund(250)])
    assert progress(NOON + timedelta(hours=11)) == {"members": 0, "unearned": 0}
    assert tier_of(shop) == "gold"
    assert progress(NOON + timedelta(hours=12)) == {"members": 1, "unearned": 1}
    assert tier_of(shop) == "silver"
    assert progress(NOON + timedelta(hours=12)) == {"members": 0, "unearned": 0}
    assert history(session)[-1] == ("gold", "silver", "unearned", 950)
    assert told(session) == before
    assert find_differences(session) == []
    with clock.at(NOON + DAY):
        sign_in(client, session.get_one(User, "ann"))
        hub = client.get("/account/loyalty").text
        assert "Gold ended" in hub
        assert "points that had opened it were taken back" in hub
        sign_in(client, make_user(session, role="operator"))
        page = " ".join(client.get("/admin/members/ann").text.split())
    assert "<strong>Gold</strong> taken back to Silver, because what had opened it was reversed, at" in page
    with clock.at(NOON + 100 * DAY):
        sign_in(client, session.get_one(User, "ann"))
        assert "Gold ended" not in client.get("/account/loyalty").text


@pytest.mark.parametrize(
    ("days", "refunded", "kept"),
    [(59, None, False), (60, None, False), (61, None, True), (300, 59, False), (300, 61, True)],
)
@pytest.mark.usefixtures("tiers")
def test_the_refunds_own_date_decides_whether_the_tier_was_reached_lately(
    orders: Orders, shop: Shop, days: int, refunded: int | None, kept: bool
) -> None:
    put(orders, "A", 900, NOON - 300 * DAY)
    put(orders, "B", 300, NOON)
    dated = {} if refunded is None else {"refundedAt": (NOON + refunded * DAY).isoformat()}
    put(orders, "B", 300, NOON + days * DAY, placedAt=NOON.isoformat(), refunds=[refund(250, **dated)])
    progress(NOON + (days + 1) * DAY)
    assert tier_of(shop) == ("gold" if kept else "silver")


@pytest.mark.usefixtures("tiers")
def test_a_tier_that_would_have_been_reached_all_the_same_stays(orders: Orders, shop: Shop) -> None:
    """Gold was reached by A alone; B came later, and goes with most of A's points long after."""
    put(orders, "A", 1_100, NOON - 100 * DAY)
    put(orders, "B", 300, NOON)
    put(orders, "A", 1_100, NOON + DAY, placedAt=(NOON - 100 * DAY).isoformat(), refunds=[refund(300)])
    put(orders, "B", 300, NOON + DAY, placedAt=NOON.isoformat(), refunds=[refund(300)])
    assert progress(NOON + 2 * DAY) == {"members": 1, "unearned": 0}
    assert tier_of(shop) == "gold"


@pytest.mark.usefixtures("tiers")
def test_what_was_earned_on_the_same_day_keeps_it(orders: Orders, shop: Shop) -> None:
    put(orders, "A", 900, NOON - 200 * DAY)
    put(orders, "B", 300, NOON)
    put(orders, "B", 300, NOON, refunds=[refund(250)])
    put(orders, "C", 60, NOON + timedelta(hours=2))
    assert progress(NOON + DAY) == {"members": 1, "unearned": 0}
    assert tier_of(shop) == "gold"


@pytest.mark.usefixtures("tiers")
def test_a_refund_that_is_undone_on_the_same_day_or_after_it(session: Session, orders: Orders, shop: Shop) -> None:
    put(orders, "A", 900, NOON - 200 * DAY)
    put(orders, "B", 300, NOON)
    put(orders, "B", 300, NOON, refunds=[refund(250)])
    put(orders, "B", 300, NOON, refunds=[])
    assert progress(NOON + DAY)["unearned"] == 0
    put(orders, "B", 300, NOON + DAY, placedAt=NOON.isoformat(), refunds=[refund(250, "S")])
    assert progress(NOON + 2 * DAY)["unearned"] == 1
    put(orders, "B", 300, NOON + 3 * DAY, placedAt=NOON.isoformat(), refunds=[])
    assert [row[:3] for row in history(session)][-3:] == [
        ("silver", "gold", "reached"),
        ("gold", "silver", "unearned"),
        ("silver", "gold", "reached"),
    ]
    assert tier_of(shop) == "gold"


@pytest.mark.usefixtures("tiers")
def test_several_tiers_fall_at_once_to_what_is_left(session: Session, orders: Orders, shop: Shop) -> None:
    put(orders, "A", 600, NOON)
    put(orders, "B", 500, NOON + timedelta(minutes=1))
    put(orders, "C", 4_000, NOON + timedelta(minutes=2))
    for reference, points in {"A": 600, "B": 500, "C": 4_000}.items():
        put(orders, reference, points, NOON + timedelta(hours=1), status="cancelled")
    assert progress(NOON + DAY) == {"members": 1, "unearned": 1}
    assert history(session)[-1] == ("platinum", "base", "unearned", 0)


@pytest.mark.parametrize("beside", [0, 700])
@pytest.mark.usefixtures("tiers")
def test_a_mistyped_adjustment_that_is_reversed_leaves_no_platinum(orders: Orders, shop: Shop, beside: int) -> None:
    with clock.at(NOON):
        mistyped = shop.credit("ann", 100_000)
        assert tier_of(shop) == "platinum"
        if beside:
            put(orders, "A", beside, NOON)
        undone = shop.api.post(f"/ledger/{mistyped['id']}/reversal", {"reason": "a slip of the finger"})
        assert undone.status_code == 201, undone.get_json()
    progress(NOON + DAY)
    assert tier_of(shop) == ("silver" if beside else "base")
    assert shop.member("ann")["lifetimeEarned"] == beside


@pytest.mark.usefixtures("tiers")
def test_a_voided_referral_takes_the_tier_of_who_invited(session: Session, orders: Orders, shop: Shop) -> None:
    make_user(session, id="ben")
    with clock.at(NOON):
        put(orders, "A", 600, NOON)
        code = shop.member("ann")["referralCode"]
        made = orders.put("B", order_of(6_000, userId="ben", referralCode=code))["referral"]
        assert tier_of(shop) == "gold"
        assert shop.api.post(f"/referrals/{made['id']}/void", {"reason": "one person"}).status_code == 200
    progress(NOON + DAY)
    assert tier_of(shop) == "silver"


@pytest.mark.parametrize(("refunded", "kept"), [(59, False), (61, True)])
@pytest.mark.usefixtures("tiers")
def test_so_does_the_friends_refund_by_its_date(
    client: FlaskClient, session: Session, orders: Orders, shop: Shop, refunded: int, kept: bool
) -> None:
    app, before = client.application, client.application.config["SETTINGS"]
    app.config["SETTINGS"] = before.model_copy(update={"referral_minimum_order": 5_000, "referral_clawback_days": 400})
    make_user(session, id="ben")
    body = order_of(6_000, userId="ben")
    with clock.at(NOON):
        put(orders, "A", 600, NOON)
        body["referralCode"] = shop.member("ann")["referralCode"]
        orders.put("B", body)
    dated = (NOON + refunded * DAY).isoformat()
    with clock.at(NOON + 100 * DAY):
        answer = orders.put("B", {**body, "refunds": [refund(30, refundedAt=dated)]})
        assert answer["referral"]["status"] == "reversed"
    app.config["SETTINGS"] = before
    progress(NOON + 101 * DAY)
    assert tier_of(shop) == ("gold" if kept else "silver")


@pytest.mark.usefixtures("tiers")
def test_a_raised_threshold_takes_nothing_back(session: Session, orders: Orders, shop: Shop) -> None:
    put(orders, "A", 1_200, NOON)
    shop.tier("gold", 1_500)
    put(orders, "A", 1_200, NOON, refunds=[refund(100)])
    progress(NOON + DAY)
    assert tier_of(shop) == "gold"
    put(orders, "A", 1_200, NOON + DAY, placedAt=NOON.isoformat(), refunds=[refund(100), refund(150, "S")])
    progress(NOON + 2 * DAY)
    assert tier_of(shop) == "silver"


@pytest.mark.usefixtures("tiers")
def test_with_zero_days_no_tier_is_taken_back(client: FlaskClient, orders: Orders, shop: Shop) -> None:
    app, before = client.application, client.application.config["SETTINGS"]
    app.config["SETTINGS"] = before.model_copy(update={"tier_unearn_days": 0})
    put(orders, "A", 1_200, NOON)
    put(orders, "A", 1_200, NOON, status="cancelled")
    progress(NOON + DAY)
    app.config["SETTINGS"] = before
    assert tier_of(shop) == "gold"


@pytest.mark.usefixtures("tiers")
def test_the_day_ends_where_the_programme_is(client: FlaskClient, orders: Orders, shop: Shop) -> None:
    app, before = client.application, client.application.config["SETTINGS"]
    app.config["SETTINGS"] = before.model_copy(update={"programme_timezone": ZoneInfo("America/Los_Angeles")})
    put(orders, "A", 1_200, NOON)
    put(orders, "A", 1_200, NOON, status="cancelled")
    progress(NOON + timedelta(hours=19, minutes=59))
    assert tier_of(shop) == "gold"
    progress(NOON + timedelta(hours=20))
    app.config["SETTINGS"] = before
    assert tier_of(shop) == "base"


@pytest.mark.usefixtures("tiers")
def test_a_late_job_leaves_what_was_refunded_today_for_tonight(orders: Orders, shop: Shop) -> None:
    put(orders, "A", 900, NOON - 200 * DAY)
    put(orders, "B", 300, NOON)
    put(orders, "B", 300, NOON, refunds=[refund(150)])
    assert progress(NOON + DAY)["unearned"] == 0
    put(orders, "B", 300, NOON + DAY, placedAt=NOON.isoformat(), refunds=[refund(150), refund(100, "S")])
    assert progress(NOON + DAY + timedelta(hours=1)) == {"members": 0, "unearned": 0}
    assert tier_of(shop) == "gold"
    assert progress(NOON + 2 * DAY)["unearned"] == 1


@pytest.mark.usefixtures("tiers")
def test_without_a_lowest_tier_nothing_is_left(session: Session, orders: Orders, shop: Shop) -> None:
    put(orders, "A", 1_200, NOON)
    shop.tier("base", 400)
    put(orders, "A", 1_200, NOON, status="cancelled")
    progress(NOON + DAY)
    # Ann was in the lowest tier from the start, when it was for everybody.
    assert tier_of(shop) == "base"


@pytest.mark.usefixtures("tiers")
def test_an_announcement_that_waited_does_not_leave(session: Session, orders: Orders) -> None:
    put(orders, "A", 1_200, NOON)
    change = session.scalars(select(TierChange).order_by(TierChange.last_seq.desc())).first()
    assert change is not None
    put(orders, "A", 1_200, NOON, status="cancelled")
    progress(NOON + DAY)
    session.flush()
    assert send_loyalty_tier_upgrade("key", change.member_id, change.id) == "gone"


@pytest.fixture
def token(committed_app: Portal) -> str:
    """The token of an operator's system, for forty users."""
    with committed_app.app_context(), unit_of_work() as session:
        for number in range(40):
            make_user(session, id=f"user-{number}")
        return make_token(session, "admin")


def test_two_workers_and_new_orders_at_once_take_each_back_once(
    committed_app: Portal, document: Document, token: str
) -> None:
    orders = Orders(Api(committed_app.test_client(), document, token))
    shop = Shop(orders.api)
    shop.tier("base", 0)
    shop.tier("gold", 1_000)
    with clock.at(NOON):
        for number in range(40):
            body = order_of(line(100_000), userId=f"user-{number}")
            orders.put(f"A{number}", body)
            orders.put(f"A{number}", {**body, "status": "cancelled"})

    def call(number: int) -> None:
        if number % 2:
            progress(NOON + DAY)
            return
        own = Orders(Api(committed_app.test_client(), document, token))
        for each in range(number, 40, 8):
            own.put(f"B{each}", order_of(line(50_000), userId=f"user-{each}"))

    at_once(committed_app, 8, call)
    with committed_app.app_context():
        progress(NOON + DAY)
        rows = db.session.execute(text("SELECT count(*) FROM loyalty_tier_changes WHERE reason = 'unearned'"))
        assert rows.scalar_one() == 40
        assert db.session.execute(text("SELECT count(*) FROM loyalty_tier_doubts")).scalar_one() == 0
        assert find_differences(db.session()) == []
