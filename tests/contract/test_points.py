"""Rules 1, 2 and 5: what is in the ledger, which points go first, and when they end."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from portal.platform import clock
from tests.contract.api import code
from tests.contract.shop import Shop

pytestmark = pytest.mark.usefixtures("clean_ledger")
INSUFFICIENT = (409, "insufficient_points")
START = datetime(2030, 3, 1, 12, tzinfo=UTC)


def at(days: float) -> str:
    return (START + timedelta(days=days)).isoformat()


def dated(shop: Shop, user_id: str) -> list[tuple[int, datetime]]:
    return [(lot["points"], datetime.fromisoformat(lot["expiresAt"])) for lot in shop.member(user_id)["expiring"]]


def test_the_balance_is_the_sum_of_the_ledger(shop: Shop, ann: str) -> None:
    shop.credit(ann, 100)
    shop.credit(ann, -30)
    shop.fulfill(shop.redeem(ann, points=20))
    shop.redeem(ann, points=5)
    entries = shop.ledger(ann)
    assert sum(entry["amount"] for entry in entries) == 50
    assert [entry["balanceAfter"] for entry in entries] == [50, 70, 100]
    assert shop.points(ann) == (50, 5, 45)


def test_points_are_never_below_zero(shop: Shop, ann: str) -> None:
    assert code(shop.api.post(f"/members/{ann}/adjustments", {"points": -1, "reason": "x"})) == INSUFFICIENT
    shop.credit(ann, 100)
    shop.redeem(ann, points=60)
    assert code(shop.api.post(f"/members/{ann}/adjustments", {"points": -41, "reason": "x"})) == INSUFFICIENT
    assert shop.points(ann) == (100, 60, 40)
    shop.credit(ann, -40)
    assert shop.points(ann) == (60, 60, 0)


def test_a_debit_takes_what_expires_first(shop: Shop, ann: str) -> None:
    with time_machine.travel(START):
        shop.credit(ann, 50, expiresAt=at(60))
        shop.credit(ann, 100, expiresAt=at(30))
        shop.credit(ann, -110)
        assert dated(shop, ann) == [(40, START + timedelta(days=60))]


def test_points_that_never_expire_go_last(shop: Shop, ann: str) -> None:
    with time_machine.travel(START):
        shop.credit(ann, 100, expiresAt=None)
        shop.credit(ann, 50, expiresAt=at(4000))
        shop.credit(ann, -50)
        assert dated(shop, ann) == []
        assert shop.points(ann) == (100, 0, 100)
    with time_machine.travel(START + timedelta(days=4001)):
        assert shop.points(ann) == (100, 0, 100)


def test_a_redemption_takes_what_expires_first_when_it_is_made(shop: Shop, ann: str) -> None:
    with time_machine.travel(START):
        shop.credit(ann, 100, expiresAt=at(10))
        made = shop.redeem(ann, points=80)
        shop.credit(ann, 100, expiresAt=at(1))
        assert shop.points(ann) == (200, 80, 120)
    with time_machine.travel(START + timedelta(days=2)):
        assert shop.points(ann) == (200, 80, 20)
        shop.fulfill(made)
        assert shop.points(ann)[1:] == (0, 20)


def test_an_explicit_expiry_is_exact(shop: Shop, ann: str) -> None:
    moment = datetime(2031, 7, 8, 9, 10, 11, 123456, tzinfo=UTC)
    shop.credit(ann, 10, expiresAt="2031-07-08T11:10:11.123456+02:00")
    assert dated(shop, ann) == [(10, moment)]
    with time_machine.travel(moment - timedelta(seconds=1), tick=False):
        assert shop.points(ann) == (10, 0, 10)
    with time_machine.travel(moment + timedelta(seconds=1), tick=False):
        assert shop.points(ann)[1:] == (0, 0)


def test_a_far_expiry_is_exact_too(shop: Shop, ann: str) -> None:
    shop.credit(ann, 10, expiresAt="8999-12-31T23:59:59.999999-12:00")
    assert dated(shop, ann) == [(10, datetime(9000, 1, 1, 11, 59, 59, 999999, tzinfo=UTC))]


@pytest.mark.parametrize(
    "expires", ["9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00"]
)
def test_an_expiry_that_no_calendar_can_show_is_422(shop: Shop, ann: str, expires: str) -> None:
    body = {"points": 5, "reason": "x", "expiresAt": expires}
    assert code(shop.api.post(f"/members/{ann}/adjustments", body)) == (422, "validation_failed")
    assert dated(shop, ann) == []
    reward = {"name": "Mug", "pointsCost": 5, "startsAt": expires}
    assert shop.api.put("/rewards/mug", reward).status_code == 422
    assert shop.api.get("/rewards").status_code == 200


@pytest.mark.parametrize(
    "expires", ["2031-07-08T09:10:11", "2031-07-08", "tomorrow", 1941355811, "1941355811", "", True]
)
def test_an_expiry_that_is_no_moment_is_422(shop: Shop, ann: str, expires: object) -> None:
    body = {"points": 5, "reason": "x", "expiresAt": expires}
    assert shop.api.post(f"/members/{ann}/adjustments", body).status_code == 422


@pytest.mark.parametrize(
    ("earned", "until"),
    [
        (datetime(2030, 1, 31, 12, tzinfo=UTC), datetime(2031, 1, 31, tzinfo=UTC)),
        (datetime(2028, 2, 29, 12, tzinfo=UTC), datetime(2029, 2, 28, tzinfo=UTC)),
        (datetime(2030, 12, 31, 23, 59, tzinfo=UTC), datetime(2031, 12, 31, tzinfo=UTC)),
    ],
)
def test_twelve_months_end_with_the_last_day_that_the_month_has(
    shop: Shop, ann: str, earned: datetime, until: datetime
) -> None:
    with time_machine.travel(earned):
        shop.credit(ann, 10)
        ((points, expires),) = dated(shop, ann)
    assert points == 10
    assert until + timedelta(hours=23, minutes=59) < expires <= until + timedelta(days=1)


def test_what_is_past_its_date_is_gone_before_any_sweep(shop: Shop, ann: str) -> None:
    with time_machine.travel(START):
        shop.credit(ann, 100, expiresAt=at(5))
        shop.credit(ann, 10, expiresAt=at(50))
    with time_machine.travel(START + timedelta(days=6)):
        assert shop.member(ann)["available"] == 10
        answer = shop.api.post(f"/members/{ann}/redemptions", {"points": 11, "description": "Seat"})
        assert code(answer) == INSUFFICIENT
        assert (answer.get_json()["available"], answer.get_json()["required"]) == (10, 11)
        assert code(shop.api.post(f"/members/{ann}/adjustments", {"points": -11, "reason": "x"})) == INSUFFICIENT
        shop.fulfill(shop.redeem(ann, points=10))
        assert shop.member(ann)["available"] == 0


def test_expiring_points_come_by_date_and_the_next_thirty_days_are_summed(shop: Shop, ann: str) -> None:
    with time_machine.travel(START):
        for points, days in ((40, 31), (10, 5), (20, 29)):
            shop.credit(ann, points, expiresAt=at(days))
        assert [points for points, _ in dated(shop, ann)] == [10, 20, 40]
        assert shop.member(ann)["expiringSoon"] == 30
    with time_machine.travel(START + timedelta(days=5, seconds=5)):
        assert [points for points, _ in dated(shop, ann)] == [20, 40]
        assert shop.member(ann)["expiringSoon"] == 60


def test_held_points_are_not_about_to_expire(shop: Shop, ann: str) -> None:
    with time_machine.travel(START):
        shop.credit(ann, 100, expiresAt=at(5))
        made = shop.redeem(ann, points=60)
        assert shop.member(ann)["expiringSoon"] == 40
        shop.cancel(made)
        assert shop.member(ann)["expiringSoon"] == 100


@pytest.mark.parametrize("points", [0, 1.5, "5", None, True, [], 10**20, -(10**20), 2**63])
def test_an_adjustment_is_a_whole_number_other_than_zero(shop: Shop, ann: str, points: object) -> None:
    assert shop.api.post(f"/members/{ann}/adjustments", {"points": points, "reason": "x"}).status_code == 422


@pytest.mark.parametrize("body", [{"points": 5}, {"points": 5, "reason": ""}, {"points": 5, "reason": None}, {}])
def test_an_adjustment_has_a_reason(shop: Shop, ann: str, body: dict[str, object]) -> None:
    assert shop.api.post(f"/members/{ann}/adjustments", body).status_code == 422


def test_an_adjustment_tells_its_reason_and_keeps_its_metadata(shop: Shop, ann: str) -> None:
    metadata = {"case_id": "A-7", "camelCase": 1, "deep": {"list": [1, None, True, "ü"]}}
    made = shop.credit(ann, 10, reason="Late parcel", metadata=metadata)
    assert made["description"] == "Late parcel"
    assert made["metadata"] == metadata
    assert abs(datetime.fromisoformat(made["occurredAt"]) - clock.now()) < timedelta(minutes=1)
