"""Idempotency-Key on every POST (CONTRACT 1)."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from portal.platform import clock
from tests.contract.api import code
from tests.contract.conftest import As
from tests.contract.shop import Shop

CREDIT = {"points": 10, "reason": "Goodwill"}


def keyed(key: str = "k-1") -> dict[str, str]:
    return {"Idempotency-Key": key}


def replayed(answer: Any) -> bool:
    return bool(answer.headers.get("Idempotent-Replayed") == "true")


def test_the_same_request_is_answered_byte_for_byte(shop: Shop, ann: str) -> None:
    first, again = (shop.api.post(f"/members/{ann}/adjustments", CREDIT, keyed()) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.data == again.data
    assert first.content_type == again.content_type
    assert (replayed(first), replayed(again)) == (False, True)
    assert shop.points(ann) == (10, 0, 10)


def test_every_post_of_redemptions_replays(shop: Shop, ann: str) -> None:
    shop.credit(ann, 100)
    path, body = f"/members/{ann}/redemptions", {"points": 10, "description": "Seat"}
    first, again = (shop.api.post(path, body, keyed()) for _ in range(2))
    assert (first.data, replayed(again), again.status_code) == (again.data, True, 201)
    made = first.get_json()["id"]
    for verb, reason in (("fulfill", None), ("cancel", {"reason": "x"}), ("fail", {"reason": "x"})):
        one, two = (shop.api.post(f"/redemptions/{made}/{verb}", reason, keyed(verb)) for _ in range(2))
        assert (one.status_code, one.data) == (two.status_code, two.data)
        assert (replayed(one), replayed(two)) == (False, True)
    assert shop.points(ann) == (90, 0, 90)


def test_the_stored_answer_is_of_then_not_of_now(shop: Shop, ann: str) -> None:
    shop.credit(ann, 100)
    path, body = f"/members/{ann}/redemptions", {"points": 10, "description": "Seat"}
    first = shop.api.post(path, body, keyed())
    shop.cancel(first.get_json())
    again = shop.api.post(path, body, keyed())
    assert (again.data, again.get_json()["status"]) == (first.data, "requested")
    assert shop.points(ann) == (100, 0, 100)


def test_another_body_is_422(shop: Shop, ann: str) -> None:
    shop.api.post(f"/members/{ann}/adjustments", CREDIT, keyed())
    answer = shop.api.post(f"/members/{ann}/adjustments", {**CREDIT, "points": 11}, keyed())
    assert code(answer) == (422, "idempotency_key_reused")
    assert shop.points(ann) == (10, 0, 10)


def test_another_route_never_gets_the_stored_answer(shop: Shop, ann: str, ben: str) -> None:
    shop.api.post(f"/members/{ann}/adjustments", CREDIT, keyed())
    answer = shop.api.post(f"/members/{ben}/adjustments", CREDIT, keyed())
    assert not replayed(answer)
    assert answer.status_code in (201, 422)


def test_another_principals_key_is_their_own(shop: Shop, as_scope: As, ann: str) -> None:
    for api in (shop.api, as_scope("admin")):
        answer = api.post(f"/members/{ann}/adjustments", CREDIT, keyed())
        assert (answer.status_code, replayed(answer)) == (201, False)
    assert shop.points(ann) == (20, 0, 20)


def test_a_refusal_is_stored_too(shop: Shop, ann: str) -> None:
    path, body = f"/members/{ann}/redemptions", {"points": 10, "description": "Seat"}
    first = shop.api.post(path, body, keyed())
    shop.credit(ann, 100)
    again = shop.api.post(path, body, keyed())
    assert code(first) == (409, "insufficient_points")
    assert (again.status_code, again.data, replayed(again)) == (409, first.data, True)
    assert shop.points(ann) == (100, 0, 100)


@pytest.mark.parametrize("key", ["x" * 256, "x" * 5000])
def test_a_key_that_is_too_long_is_refused(shop: Shop, ann: str, key: str) -> None:
    answer = shop.api.post(f"/members/{ann}/adjustments", CREDIT, keyed(key))
    assert answer.status_code in (400, 422)
    assert shop.points(ann) == (0, 0, 0)


def test_an_empty_key_is_refused(shop: Shop, ann: str) -> None:
    answer = shop.api.post(f"/members/{ann}/adjustments", CREDIT, keyed(""))
    assert answer.status_code in (400, 422)


@pytest.mark.parametrize("key", ["x", "x" * 255, "a b/ü?#'\"%00", "☃".encode().decode("latin-1")])
def test_a_key_of_1_to_255_characters_works(shop: Shop, ann: str, key: str) -> None:
    answers = [shop.api.post(f"/members/{ann}/adjustments", CREDIT, keyed(key)) for _ in range(2)]
    assert [(answer.status_code, replayed(answer)) for answer in answers] == [(201, False), (201, True)]


@pytest.mark.parametrize(("hours", "kept"), [(23, True), (25, False)])
def test_a_key_is_kept_for_24_hours(shop: Shop, ann: str, hours: int, kept: bool) -> None:
    shop.api.post(f"/members/{ann}/adjustments", CREDIT, keyed())
    with time_machine.travel(clock.now() + timedelta(hours=hours)):
        again = shop.api.post(f"/members/{ann}/adjustments", CREDIT, keyed())
        assert (again.status_code, replayed(again)) == (201, kept)


def test_a_key_does_not_spare_credentials(shop: Shop, ann: str) -> None:
    shop.api.post(f"/members/{ann}/adjustments", CREDIT, keyed())
    headers = {**keyed(), "Authorization": "Bearer nonsense"}
    assert shop.api.post(f"/members/{ann}/adjustments", CREDIT, headers).status_code == 401
