"""Cursors: whole walks, and refusal of what was not given out for this list."""

from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from tests.contract.api import code
from tests.contract.shop import Shop

INVALID = (400, "invalid_cursor")


def page(shop: Shop, user_id: str, path: str = "/ledger", **query: Any) -> dict[str, Any]:
    answer = shop.api.get(path, query, headers={"X-User-Id": user_id})
    assert answer.status_code == 200, answer.get_json()
    return dict(answer.get_json())


@pytest.mark.parametrize("frozen", [False, True])
def test_a_walk_during_inserts_shows_each_old_entry_once(shop: Shop, ann: str, frozen: bool) -> None:
    with time_machine.travel(datetime(2030, 5, 5, 12, tzinfo=UTC), tick=not frozen):
        for _ in range(7):
            shop.credit(ann, 10)
        old = [entry["id"] for entry in shop.ledger(ann)]
        seen, cursor = [], None
        while True:
            found = page(shop, ann, limit=2, **({"cursor": cursor} if cursor else {}))
            seen += [entry["id"] for entry in found["entries"]]
            cursor = found["nextCursor"]
            if not cursor:
                break
            shop.credit(ann, 1)
        assert seen == old


def test_a_walk_of_redemptions_shows_each_old_one_once(shop: Shop, ann: str) -> None:
    shop.credit(ann, 100)
    old = [shop.redeem(ann, points=1)["id"] for _ in range(5)][::-1]
    seen, cursor = [], None
    while True:
        found = page(shop, ann, "/redemptions", limit=2, **({"cursor": cursor} if cursor else {}))
        seen += [redemption["id"] for redemption in found["redemptions"]]
        cursor = found["nextCursor"]
        if not cursor:
            break
        shop.redeem(ann, points=1)
    assert seen == old


def test_the_second_page_can_be_replayed(shop: Shop, ann: str) -> None:
    for points in range(1, 6):
        shop.credit(ann, points)
    cursor = page(shop, ann, limit=2)["nextCursor"]
    first = page(shop, ann, limit=2, cursor=cursor)
    assert first == page(shop, ann, limit=2, cursor=cursor)
    assert [entry["amount"] for entry in first["entries"]] == [3, 2]
    assert [entry["amount"] for entry in page(shop, ann, limit=3, cursor=cursor)["entries"]] == [3, 2, 1]


def test_every_edit_of_a_cursor_is_refused(shop: Shop, ann: str) -> None:
    for _ in range(3):
        shop.credit(ann, 1)
    cursor = page(shop, ann, limit=1)["nextCursor"]
    edits = {cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :] for at in range(len(cursor) - 1)}
    edits |= {cursor[:-2], cursor[1:], cursor + "A", cursor + cursor, "x", "é", "\x00", "A" * 1900, "."}
    for edited in edits:
        answer = shop.api.get("/ledger", {"cursor": edited, "limit": 1}, headers={"X-User-Id": ann})
        assert code(answer) == INVALID, edited


def test_a_cursor_of_another_member_is_refused(shop: Shop, ann: str, ben: str) -> None:
    for _ in range(2):
        shop.credit(ann, 1)
        shop.credit(ben, 1)
    cursor = page(shop, ann, limit=1)["nextCursor"]
    assert code(shop.api.get("/ledger", {"cursor": cursor}, headers={"X-User-Id": ben})) == INVALID


@pytest.mark.parametrize("query", [{}, {"types": "order"}, {"types": ["adjustment", "order"]}])
def test_a_cursor_of_other_filters_is_refused(shop: Shop, ann: str, query: dict[str, Any]) -> None:
    for _ in range(2):
        shop.credit(ann, 1)
    cursor = page(shop, ann, limit=1, types="adjustment")["nextCursor"]
    assert code(shop.api.get("/ledger", {**query, "cursor": cursor}, headers={"X-User-Id": ann})) == INVALID


def test_the_same_filters_in_another_order_are_the_same(shop: Shop, ann: str) -> None:
    for _ in range(2):
        shop.credit(ann, 1)
    cursor = page(shop, ann, limit=1, types=["adjustment", "order"])["nextCursor"]
    assert len(page(shop, ann, types=["order", "adjustment"], cursor=cursor)["entries"]) == 1


def test_a_cursor_of_another_list_is_refused(shop: Shop, ann: str) -> None:
    shop.credit(ann, 50)
    shop.credit(ann, 50)
    shop.redeem(ann, points=1)
    shop.redeem(ann, points=1)
    headers = {"X-User-Id": ann}
    of_ledger, of_redemptions = page(shop, ann, limit=1), page(shop, ann, "/redemptions", limit=1)
    assert code(shop.api.get("/redemptions", {"cursor": of_ledger["nextCursor"]}, headers=headers)) == INVALID
    assert code(shop.api.get("/ledger", {"cursor": of_redemptions["nextCursor"]}, headers=headers)) == INVALID
