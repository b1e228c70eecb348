"""Points that an order was paid with come back as its goods do (CONTRACT-EARNING 8.5, R3, R8, R9)."""

from typing import Any

import pytest

from tests.contract.api import Api
from tests.contract.document import Json
from tests.contract.orders import Orders, line, net, order_of
from tests.contract.shop import Shop

pytestmark = pytest.mark.usefixtures("clean_ledger")


class Paid:
    """A member who has paid an order with points of a redemption."""

    def __init__(self, orders: Orders, shop: Shop, ann: str, points: int, *, handed_over: bool = True) -> None:
        shop.credit(ann, points)
        self.orders, self.shop, self.ann = orders, shop, ann
        self.redemption = shop.redeem(ann, points=points)
        if handed_over:
            shop.fulfill(self.redemption)

    @property
    def tender(self) -> Json:
        """The part that was paid with points: 10.00."""
        return {"kind": "points", "amount": 1000, "redemptionId": self.redemption["id"]}

    def order(self, *lines: Json | int, **fields: Any) -> Json:
        """The order, told."""
        return self.orders.put("A", order_of(*lines, userId=self.ann, tenders=[self.tender], **fields))

    def back(self) -> int:
        """The points of the redemption that are back, as the API says."""
        found = self.orders.get("A")["points"]["restored"]
        assert isinstance(found, int)
        return found

    def status(self) -> str:
        """What the redemption is now."""
        listed = self.shop.api.get("/redemptions", headers={"X-User-Id": self.ann}).get_json()["redemptions"]
        return next(str(each["status"]) for each in listed if each["id"] == self.redemption["id"])


@pytest.fixture
def paid(orders: Orders, shop: Shop, ann: str) -> Paid:
    return Paid(orders, shop, ann, 1000)


def refund_of(line_id: str, refund_id: str = "r", **fields: Any) -> Json:
    return {"refundId": refund_id, "lines": [{"lineId": line_id, **fields}]}


def test_example_l_a_part_paid_with_points_comes_back_in_proportion(paid: Paid) -> None:
    assert net(paid.order(2500, 1500)) == 30
    done = paid.orders.refund("A", refund_of("2"))
    assert net(done) == 18
    assert [entry["amount"] for entry in done["entries"]] == [-12, 375]
    assert [entry["entryType"] for entry in done["entries"]] == ["reversal", "reversal"]
    assert (paid.back(), paid.status()) == (375, "fulfilled")
    assert paid.shop.points(paid.ann)[0] == 18 + 375


def test_example_l_three_units_bring_back_a_third_each(orders: Orders, shop: Shop, ann: str) -> None:
    paid = Paid(orders, shop, ann, 100)
    paid.order(line(2997, "1", quantity=3))
    found = []
    for number in range(3):
        orders.refund("A", refund_of("1", f"r{number}", quantity=1))
        found.append((paid.back(), paid.status()))
    assert found == [(33, "fulfilled"), (66, "fulfilled"), (100, "refunded")]


@pytest.mark.parametrize("kind", ["gift_card", "shipping", "fee", "tip"])
def test_of_an_order_without_products_its_lines_count(paid: Paid, kind: str) -> None:
    paid.order(line(3000, "1", kind=kind), line(1000, "2", kind=kind))
    assert (paid.back(), paid.status()) == (0, "fulfilled")
    paid.orders.refund("A", refund_of("1"))
    assert (paid.back(), paid.status()) == (750, "fulfilled")
    paid.orders.refund("A", refund_of("2", "r2"))
    assert (paid.back(), paid.status()) == (1000, "refunded")


def test_a_request_that_pays_a_gift_card_stands_until_that_is_given_back(orders: Orders, shop: Shop, ann: str) -> None:
    paid = Paid(orders, shop, ann, 1000, handed_over=False)
    paid.order(line(4000, "1", kind="gift_card"))
    assert paid.status() == "requested"
    orders.refund("A", refund_of("1"))
    assert (paid.status(), shop.points(ann)[0]) == ("cancelled", 1000)


def test_a_redemption_that_two_tenders_write_differently_comes_back_once(paid: Paid) -> None:
    other = {**paid.tender, "redemptionId": paid.redemption["id"].lower()}
    paid.orders.put("A", order_of(2500, 2500, userId=paid.ann, tenders=[paid.tender, other]))
    done = paid.orders.refund("A", refund_of("2"))
    assert (paid.back(), done["order"]["warnings"]) == (500, [])


@pytest.mark.parametrize("status", ["paid", "fulfilled", "placed"])
def test_a_cancelled_order_brings_all_of_it_back(paid: Paid, status: str) -> None:
    paid.order(2500, 1500, status=status)
    paid.order(2500, 1500, status="cancelled")
    assert (paid.back(), paid.status(), paid.shop.points(paid.ann)[0]) == (1000, "refunded", 1000)


def test_a_request_that_was_not_handed_over_ends_with_its_order(orders: Orders, shop: Shop, ann: str) -> None:
    paid = Paid(orders, shop, ann, 1000, handed_over=False)
    paid.order(2500, 1500)
    orders.refund("A", refund_of("2"))
    assert (paid.back(), paid.status()) == (0, "requested")
    orders.refund("A", refund_of("1", "r2"))
    assert (paid.back(), paid.status(), shop.points(ann)[0]) == (0, "cancelled", 1000)


def test_a_refund_that_was_undone_takes_its_points_again(paid: Paid) -> None:
    paid.order(2500, 1500)
    paid.orders.refund("A", refund_of("2"))
    undone = paid.orders.undo_refund("A", "r").get_json()
    assert sorted(entry["amount"] for entry in undone["entries"]) == [-375, 12]
    assert (paid.back(), paid.status(), paid.shop.points(paid.ann)[0]) == (0, "fulfilled", 30)


def test_what_was_spent_meanwhile_is_owed(paid: Paid) -> None:
    paid.order(2500, 1500, status="placed")
    paid.orders.refund("A", refund_of("2"))
    paid.shop.fulfill(paid.shop.redeem(paid.ann, points=300))
    paid.orders.undo_refund("A", "r")
    member = paid.shop.member(paid.ann)
    assert (member["balance"], member["owed"], paid.back()) == (0, 300, 0)


@pytest.mark.parametrize(
    ("refund", "back"),
    [
        ({**refund_of("2"), "restore": "none"}, 0),
        ({"refundId": "r", "amount": 1500}, 375),
        ({"refundId": "r", "amount": 1500, "kind": "discrepancy"}, 375),
        ({"refundId": "r", "amount": 1500, "kind": "goodwill"}, 0),
        ({"refundId": "r", "amount": 500, "kind": "shipping"}, 0),
        (refund_of("post"), 0),
        (refund_of("2", amount=1), 0),
        (refund_of("2", amount=4), 1),
        (refund_of("2", amount=9999), 375),
    ],
)
def test_what_comes_back_goes_by_what_the_refund_gave_back_of_the_products(paid: Paid, refund: Json, back: int) -> None:
    paid.order(2500, 1500, line(500, "post", kind="shipping"))
    quote = paid.orders.quote_refund("A", refund)
    assert [each["points"] for each in quote["restores"]] == ([back] if back else [])
    paid.orders.refund("A", {**refund, "quoteId": quote["quoteId"]})
    assert paid.back() == back


def test_a_tender_that_names_no_redemption_brings_nothing_back_and_says_so(orders: Orders, ann: str) -> None:
    orders.put("A", order_of(4000, userId=ann, tenders=[{"kind": "points", "amount": 1000}]))
    assert orders.get("A")["warnings"] == []
    done = orders.refund("A", refund_of("1"))["order"]
    assert [each["code"] for each in done["warnings"]] == ["tender_without_redemption"]
    assert orders.undo_refund("A", "r").get_json()["order"]["warnings"] == []


@pytest.mark.parametrize("whose", ["ben", "nobody", "unreadable"])
def test_only_redemptions_of_the_orders_member_come_back(
    orders: Orders, shop: Shop, admin: Api, ann: str, whose: str
) -> None:
    admin.put("/api/v1/users/ben", {"email": "ben@example.com", "name": "Ben"})
    paid = Paid(orders, shop, "ben", 1000)
    named = {"ben": paid.redemption["id"], "nobody": "01M8HG41A77H72XQWRJEBPMGEY", "unreadable": "x' OR 1=1"}[whose]
    tender = {"kind": "points", "amount": 1000, "redemptionId": named}
    orders.put("A", order_of(4000, userId=ann, tenders=[tender]))
    done = orders.refund("A", refund_of("1"))["order"]
    assert [each["code"] for each in done["warnings"]] == ["redemption_not_restored"]
    assert (done["points"]["restored"], paid.status()) == (0, "fulfilled")


def test_redeem_refund_give_back_nine_times_leaves_one_orders_lifetime_points(paid: Paid) -> None:
    earned = paid.shop.member(paid.ann)["lifetimeEarned"]
    for number in range(9):
        paid.order(2500, 1500)
        paid.orders.refund("A", refund_of("1", f"a{number}"))
        paid.orders.refund("A", refund_of("2", f"b{number}"))
        for each in ("a", "b"):
            paid.orders.undo_refund("A", f"{each}{number}")
    assert paid.shop.member(paid.ann)["lifetimeEarned"] == earned + 30
    assert paid.shop.points(paid.ann)[0] == 30


def test_a_redemption_refunded_by_hand_comes_back_once(paid: Paid, admin: Api) -> None:
    paid.order(2500, 1500)
    paid.orders.refund("A", refund_of("2"))
    refunded = admin.post(f"/redemptions/{paid.redemption['id']}/refund", {"reason": "asked by phone"})
    assert refunded.status_code == 200
    paid.orders.refund("A", refund_of("1", "r2"))
    assert (paid.back(), paid.shop.points(paid.ann)[0]) == (375, 1000)


def test_a_redemption_is_the_same_however_its_id_is_written(paid: Paid) -> None:
    body = order_of(2500, 1500, userId=paid.ann, tenders=[paid.tender, {**paid.tender, "amount": 0}])
    paid.orders.put("A", body)
    paid.orders.refund("A", refund_of("2"))
    assert paid.back() == 375
    lower = {**paid.tender, "redemptionId": paid.redemption["id"].lower()}
    paid.orders.put("A", {**body, "tenders": [lower, paid.tender]})
    assert (paid.back(), paid.shop.points(paid.ann)[0]) == (375, 12 + 375)
