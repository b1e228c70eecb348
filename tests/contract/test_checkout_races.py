"""Two devices at once: whatever comes first, points, holds and the intent agree."""

from collections import Counter
from itertools import permutations

import pytest
from werkzeug.test import TestResponse

from portal.ledger.verify import find_differences
from portal.platform.db import db
from portal.platform.web.application import Portal
from tests.concurrency import at_once
from tests.contract.api import Api, code
from tests.contract.document import Document, Json
from tests.contract.shop import Shop
from tests.contract.till import Till, redemption, share
from tests.factories.accounts import make_token, make_user

WORDS = ["plan", "confirm", "cancel"]
ORDERS = [*permutations([*WORDS, "resolved"]), *list(permutations([*WORDS, "cancelled"]))[::3]]


@pytest.fixture
def token(committed_app: Portal) -> str:
    """The token of a shop's system, for the user `ann`."""
    with committed_app.app_context():
        made = make_token(db.session(), "admin")
        make_user(db.session(), id="ann")
        make_user(db.session(), id="ben")
        db.session.commit()
    return made


@pytest.fixture
def app_shop(committed_app: Portal, document: Document, token: str) -> Shop:
    """The shop where commits are real; ann and ben have 100 points."""
    shop = Shop(Api(committed_app.test_client(), document, token))
    shop.credit("ann", 100)
    shop.credit("ben", 100)
    return shop


def race(app: Portal, like: Shop, calls: list[tuple[str, str, Json]]) -> list[TestResponse]:
    """The answers to (user, action, part) asked at the same moment, each from a device of its own."""

    def one(number: int) -> TestResponse:
        user, action, part = calls[number]
        api = Api(app.test_client(), like.api.document)
        api.headers = like.api.headers
        return Till(api, user).ask(action, part)

    return at_once(app, len(calls), one)


def verify(app: Portal) -> None:
    with app.app_context():
        assert list(find_differences(db.session())) == []


@pytest.mark.parametrize("planned", [True, False])
def test_eight_devices_confirm_one_redemption(committed_app: Portal, app_shop: Shop, planned: bool) -> None:
    till = Till(app_shop.api, "ann")
    if planned:
        till.plan(redemption())
    answers = race(committed_app, app_shop, [("ann", "confirm", redemption())] * 8)
    assert Counter(answer.status_code for answer in answers) == {200: 8}
    assert (len(till.redemptions()), app_shop.points("ann")) == (1, (100, 30, 70))
    verify(committed_app)


@pytest.mark.parametrize("part", [redemption(), share()])
def test_eight_devices_plan_one_intent(committed_app: Portal, app_shop: Shop, part: Json) -> None:
    answers = race(committed_app, app_shop, [("ann", "plan", part)] * 8)
    assert Counter(answer.status_code for answer in answers) == {200: 8}
    assert len(Till(app_shop.api, "ann").pending()) == 1


@pytest.mark.parametrize("planned", [True, False])
def test_a_cancellation_against_confirmations_leaves_no_hold_behind(
    committed_app: Portal, app_shop: Shop, planned: bool
) -> None:
    till = Till(app_shop.api, "ann")
    for number in range(5):
        part = redemption(f"c-{number}")
        if planned:
            till.plan(part)
        answers = race(committed_app, app_shop, [("ann", action, part) for action in ("confirm", "cancel") * 3])
        told = {code(answer) for answer in answers}
        assert told <= {(200, ""), (409, "intent_cancelled"), (404, "intent_not_found")}, told
        till.ask("cancel", part)
        assert code(till.ask("confirm", part)) == (409, "intent_cancelled")
        assert app_shop.points("ann") == (100, 0, 100)
    assert {row["failureReason"] for row in till.redemptions()} <= {"checkout_intent_cancelled"}
    verify(committed_app)


def test_two_members_claim_one_intent_and_one_gets_it(committed_app: Portal, app_shop: Shop) -> None:
    calls = [(user, "confirm", redemption()) for user in ("ann", "ben") * 4]
    answers = race(committed_app, app_shop, calls)
    assert Counter(code(answer) for answer in answers) == {(200, ""): 4, (409, "intent_conflict"): 4}
    assert {app_shop.points("ann"), app_shop.points("ben")} == {(100, 0, 100), (100, 30, 70)}


def test_the_last_points_go_to_one_of_two_checkouts(committed_app: Portal, app_shop: Shop) -> None:
    calls = [("ann", "confirm", redemption(f"c-{number}", 60)) for number in range(8)]
    answers = race(committed_app, app_shop, calls)
    assert Counter(code(answer) for answer in answers) == {(200, ""): 1, (409, "insufficient_points"): 7}
    assert app_shop.points("ann") == (100, 60, 40)


def test_fulfilment_against_cancellation_has_one_winner(committed_app: Portal, app_shop: Shop) -> None:
    till = Till(app_shop.api, "ann")
    till.confirm(redemption())
    path = f"/redemptions/{till.redemptions()[0]['id']}/fulfill"

    def one(number: int) -> TestResponse:
        api = Api(committed_app.test_client(), app_shop.api.document)
        api.headers = app_shop.api.headers
        return api.post(path) if number % 2 else Till(api, "ann").ask("cancel", redemption())

    told = Counter((number % 2, code(answer)) for number, answer in enumerate(at_once(committed_app, 6, one)))
    fulfilled = till.redemptions()[0]["status"] == "fulfilled"
    assert app_shop.points("ann") == ((70, 0, 70) if fulfilled else (100, 0, 100))
    if fulfilled:
        assert told == {
            (1, (200, "")): 1,
            (1, (409, "redemption_not_pending")): 2,
            (0, (409, "redemption_already_fulfilled")): 3,
        }
    else:
        assert told == {(0, (200, "")): 3, (1, (409, "redemption_not_pending")): 3}
    verify(committed_app)


def step(app: Portal, shop: Shop, word: str, part: Json, ids: list[str]) -> set[tuple[int, str]]:
    """One word twice at once; what was answered."""

    def one(_: int) -> TestResponse:
        api = Api(app.test_client(), shop.api.document)
        api.headers = shop.api.headers
        till = Till(api, "ann")
        if word in ("plan", "confirm", "cancel"):
            return till.ask(word, part)
        return till.resolve({"id": ids[0] if ids else "01M7Z4G3F7M7ZE1AVKXMVH16XR"}, word)

    answers = at_once(app, 2, one)
    for answer in answers:
        if answer.status_code == 200 and "intents" in answer.get_json():
            ids += [found["id"] for found in answer.get_json()["intents"]]
    return {code(answer) for answer in answers}


def test_every_order_of_words_said_twice_at_once_ends_well(committed_app: Portal, app_shop: Shop) -> None:
    till = Till(app_shop.api, "ann")
    for number, words in enumerate(ORDERS):
        part, held = redemption(f"c-{number}", 10), False
        ids: list[str] = []
        for word in words:
            told = step(committed_app, app_shop, word, part, ids)
            assert len(told) == 1, (words, word, told)
            ((status, problem),) = told
            assert status in (200, 404, 409), (words, word, told)
            held = (held or word == "confirm") and word != "cancel" if status == 200 and word != "plan" else held
            mine = [row for row in till.redemptions() if row["checkoutIntentId"] == f"c-{number}"]
            assert len(mine) <= 1, (words, word)
            assert app_shop.points("ann")[1] == (10 if held else 0), (words, word, told)
            if "cancel" in words[: words.index(word)] and word == "confirm" and ids:
                assert problem == "intent_cancelled", (words, word)
        till.ask("cancel", part)
        assert app_shop.points("ann") == (100, 0, 100), words
    verify(committed_app)
