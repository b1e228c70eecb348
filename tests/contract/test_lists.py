"""Lists: limits, filters, order and counts."""

from datetime import UTC, datetime

import pytest
import time_machine

from tests.contract.shop import Shop

LISTS = ["/ledger", "/redemptions"]


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("limit", ["0", "101", "-1", "", "ten", "1.5", "1e2", "9" * 40, "٣"])
def test_a_limit_outside_1_to_100_is_422(shop: Shop, ann: str, path: str, limit: str) -> None:
    assert shop.api.get(path, {"limit": limit}, headers={"X-User-Id": ann}).status_code == 422


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("limit", ["1", "100"])
def test_a_limit_of_1_to_100_is_kept(shop: Shop, ann: str, path: str, limit: str) -> None:
    assert shop.api.get(path, {"limit": limit}, headers={"X-User-Id": ann}).status_code == 200


@pytest.mark.parametrize("query", ["types=orders", "types=", "types=order&types=nothing", "types=order,adjustment"])
def test_an_unknown_type_is_422(shop: Shop, ann: str, query: str) -> None:
    assert shop.api.get("/ledger", query, headers={"X-User-Id": ann}).status_code == 422


@pytest.mark.parametrize("query", ["statuses=open", "statuses=", "statuses=requested&statuses=Failed"])
def test_an_unknown_status_is_422(shop: Shop, ann: str, query: str) -> None:
    assert shop.api.get("/redemptions", query, headers={"X-User-Id": ann}).status_code == 422


def test_twenty_are_shown_when_nothing_is_said_of_the_number(shop: Shop, ann: str) -> None:
    for _ in range(21):
        shop.credit(ann, 1)
    page = shop.api.get("/ledger", headers={"X-User-Id": ann}).get_json()
    assert len(page["entries"]) == 20
    assert page["nextCursor"]


def test_the_last_page_has_no_cursor_even_when_it_is_full(shop: Shop, ann: str) -> None:
    for _ in range(2):
        shop.credit(ann, 1)
    page = shop.api.get("/ledger", {"limit": 2}, headers={"X-User-Id": ann}).get_json()
    assert (len(page["entries"]), page["nextCursor"]) == (2, None)


def test_the_newest_come_first_even_within_one_moment(shop: Shop, ann: str) -> None:
    with time_machine.travel(datetime(2030, 5, 5, 12, tzinfo=UTC), tick=False):
        made = [shop.credit(ann, points)["amount"] for points in (1, 2, 3, 4)]
        redeemed = [shop.redeem(ann, points=1)["id"] for _ in range(3)]
        assert [entry["amount"] for entry in shop.ledger(ann)] == made[::-1]
        found = shop.api.get("/redemptions", headers={"X-User-Id": ann}).get_json()["redemptions"]
        assert [redemption["id"] for redemption in found] == redeemed[::-1]


def test_repeated_types_are_alternatives(shop: Shop, ann: str) -> None:
    shop.credit(ann, 100)
    shop.fulfill(shop.redeem(ann, points=10))
    headers = {"X-User-Id": ann}

    def kinds(query: str) -> list[str]:
        return [entry["entryType"] for entry in shop.api.get("/ledger", query, headers=headers).get_json()["entries"]]

    assert kinds("types=redemption") == ["redemption"]
    assert kinds("types=adjustment&types=redemption") == ["redemption", "adjustment"]
    assert kinds("types=redemption&types=redemption") == ["redemption"]
    assert kinds("types=order&types=expiration") == []
    assert kinds("limit=5&types=referral_bonus") == []


def test_repeated_statuses_are_alternatives_and_the_pending_count_ignores_them(shop: Shop, ann: str) -> None:
    shop.credit(ann, 100)
    shop.fail(shop.redeem(ann, points=1))
    shop.fulfill(shop.redeem(ann, points=1))
    for _ in range(3):
        shop.redeem(ann, points=1)
    headers = {"X-User-Id": ann}

    def found(query: str) -> tuple[list[str], int]:
        page = shop.api.get("/redemptions", query, headers=headers).get_json()
        return [redemption["status"] for redemption in page["redemptions"]], page["pendingCount"]

    assert found("statuses=requested&statuses=failed") == (["requested"] * 3 + ["failed"], 3)
    assert found("statuses=cancelled") == ([], 3)
    assert found("limit=1") == (["requested"], 3)
