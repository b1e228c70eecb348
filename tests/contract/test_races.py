"""Rules 6 and 8, and keys in flight, with real commits and real threads."""

from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from werkzeug.test import TestResponse

from portal.platform.db import db
from portal.platform.web.application import Portal
from tests.concurrency import at_once
from tests.contract.api import Api, code
from tests.contract.document import Document
from tests.contract.shop import Shop
from tests.factories.accounts import make_token, make_user

Call = Callable[[Shop, int], TestResponse]


@pytest.fixture
def token(committed_app: Portal) -> str:
    """The token of an operator's system, for the user `ann` who has 100 points."""
    with committed_app.app_context():
        made = make_token(db.session(), "admin")
        make_user(db.session(), id="ann")
        db.session.commit()
    return made


def race(app: Portal, document: Document, token: str, times: int, call: Call) -> list[TestResponse]:
    def one(number: int) -> TestResponse:
        return call(Shop(Api(app.test_client(), document, token)), number)

    return at_once(app, times, one)


def shop_of(app: Portal, document: Document, token: str) -> Shop:
    return Shop(Api(app.test_client(), document, token))


def test_an_open_hold_ends_once(committed_app: Portal, document: Document, token: str) -> None:
    shop = shop_of(committed_app, document, token)
    shop.credit("ann", 100)
    made = shop.redeem("ann", points=60)
    verbs: list[tuple[str, Any]] = [("fulfill", None), ("cancel", {"reason": "x"}), ("fail", {"reason": "x"})]

    def end(other: Shop, number: int) -> TestResponse:
        verb, body = verbs[number % 3]
        return other.api.client.post(
            f"/api/v1/loyalty/redemptions/{made['id']}/{verb}",
            headers=other.api.headers,
            **({"json": body} if body else {}),
        )

    answers = race(committed_app, document, token, 9, end)
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 8}
    assert shop.points("ann") in ((40, 0, 40), (100, 0, 100))


def test_the_last_points_are_won_once(committed_app: Portal, document: Document, token: str) -> None:
    shop = shop_of(committed_app, document, token)
    shop.credit("ann", 100)
    body = {"points": 60, "description": "Seat"}
    answers = race(committed_app, document, token, 8, lambda other, _: other.api.post("/members/ann/redemptions", body))
    assert Counter(code(answer) for answer in answers) == {(201, ""): 1, (409, "insufficient_points"): 7}
    assert shop.points("ann") == (100, 60, 40)


def test_the_last_item_is_won_once(committed_app: Portal, document: Document, token: str) -> None:
    shop = shop_of(committed_app, document, token)
    shop.credit("ann", 100)
    shop.reward("mug", 1, inventory=1)
    answers = race(
        committed_app,
        document,
        token,
        8,
        lambda other, _: other.api.post("/members/ann/redemptions", {"rewardSlug": "mug"}),
    )
    assert Counter(code(answer) for answer in answers) == {(201, ""): 1, (409, "reward_out_of_stock"): 7}
    assert shop.stock("mug") == (0, False)


def test_the_limit_of_a_member_holds(committed_app: Portal, document: Document, token: str) -> None:
    shop = shop_of(committed_app, document, token)
    shop.credit("ann", 100)
    shop.reward("mug", 1, perMemberLimit=2)
    answers = race(
        committed_app,
        document,
        token,
        8,
        lambda other, _: other.api.post("/members/ann/redemptions", {"rewardSlug": "mug"}),
    )
    assert Counter(code(answer) for answer in answers) == {(201, ""): 2, (409, "reward_limit_reached"): 6}


def test_one_key_at_once_takes_effect_once(committed_app: Portal, document: Document, token: str) -> None:
    shop = shop_of(committed_app, document, token)
    headers = {"Idempotency-Key": "same"}
    body = {"points": 10, "reason": "x"}
    answers = race(
        committed_app, document, token, 8, lambda other, _: other.api.post("/members/ann/adjustments", body, headers)
    )
    for answer in answers:
        if answer.status_code != 201:
            assert code(answer) == (409, "idempotency_in_flight")
            assert int(answer.headers["Retry-After"]) >= 0
    assert len({answer.data for answer in answers if answer.status_code == 201}) == 1
    assert shop.points("ann") == (10, 0, 10)


def test_credits_and_debits_at_once_add_up(committed_app: Portal, document: Document, token: str) -> None:
    shop = shop_of(committed_app, document, token)
    shop.credit("ann", 100)

    def change(other: Shop, number: int) -> TestResponse:
        points = 10 if number % 2 else -10
        return other.api.post("/members/ann/adjustments", {"points": points, "reason": "x"})

    assert {answer.status_code for answer in race(committed_app, document, token, 12, change)} == {201}
    entries = shop.ledger("ann")
    assert shop.points("ann") == (100, 0, 100)
    assert all(newer["balanceAfter"] - newer["amount"] == older["balanceAfter"] for newer, older in pairwise(entries))


def test_two_first_looks_make_one_member(committed_app: Portal, document: Document, token: str) -> None:
    answers = race(committed_app, document, token, 8, lambda other, _: other.api.get("/members/ann"))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.get_json()["referralCode"] for answer in answers}) == 1
