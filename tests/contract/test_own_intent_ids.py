"""Ids of a member's browser are that member's own; the shop's are global (CONTRACT Checkout)."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.ledger.verify import find_differences
from portal.platform.db import db
from portal.platform.web.application import Portal
from tests.concurrency import at_once
from tests.contract.api import BASE, Api, check_conventions, code
from tests.contract.document import Document, Json
from tests.contract.shop import Shop
from tests.contract.till import Till, redemption, share
from tests.factories.accounts import csrf, make_token, make_user, sign_in

PATH = "/checkout/intents"
ACTIONS = ["plan", "confirm", "cancel"]


def body(action: str, **fields: Any) -> Json:
    return {"orderReference": "A-1", "action": action, **redemption(), **fields}


class Device:
    """A member's own browser at the checkout."""

    def __init__(self, client: FlaskClient, user_id: str) -> None:
        self.client, self.user_id = client, user_id
        self.headers = {"X-CSRFToken": csrf(client)}

    def ask(self, action: str, **fields: Any) -> Any:
        answer = self.client.post(BASE + PATH, json=body(action, **fields), headers=self.headers)
        check_conventions(answer)
        return answer


@pytest.fixture
def device(client: FlaskClient, session: Session) -> Device:
    """The browser of a member without points."""
    user = make_user(session)
    sign_in(client, user)
    return Device(client, user.id)


@pytest.mark.parametrize("theirs", ACTIONS)
@pytest.mark.parametrize("ours", ACTIONS)
def test_a_member_who_was_there_first_stands_in_nobodys_way(
    shop: Shop, till: Till, device: Device, theirs: str, ours: str
) -> None:
    shop.credit(device.user_id, 100)
    assert device.ask(theirs).status_code == 200
    for _ in range(2):
        assert till.ask(ours, redemption()).status_code == 200
    assert shop.points(till.user_id)[1] == (30 if ours == "confirm" else 0)
    assert shop.points(device.user_id)[1] == (30 if theirs == "confirm" else 0)


def test_a_member_who_comes_later_is_not_told_of_the_shops(shop: Shop, till: Till, device: Device) -> None:
    shop.credit(device.user_id, 100)
    till.confirm(redemption())
    assert device.ask("confirm").status_code == 200
    assert (shop.points(till.user_id)[1], shop.points(device.user_id)[1]) == (30, 30)


def test_the_shop_goes_on_with_the_members_own_intent(shop: Shop, device: Device) -> None:
    shop.credit(device.user_id, 100)
    planned = device.ask("plan").get_json()["intents"][0]["id"]
    till = Till(shop.api, device.user_id)
    assert till.confirm(redemption())["id"] == planned
    assert device.ask("confirm").status_code == 200
    assert shop.points(device.user_id) == (100, 30, 70)
    assert till.cancel(redemption())["status"] == "cancelled"
    assert code(device.ask("confirm")) == (409, "intent_cancelled")


def test_what_the_shop_has_gone_on_with_is_the_shops(shop: Shop, till: Till, device: Device) -> None:
    shop.credit(device.user_id, 100)
    device.ask("plan")
    Till(shop.api, device.user_id).plan(redemption())
    assert code(till.ask("confirm", redemption())) == (409, "intent_conflict")


def test_the_shops_id_of_another_member_stays_a_conflict_for_the_shop(shop: Shop, till: Till, device: Device) -> None:
    device.ask("plan")
    till.plan(redemption())
    assert code(Till(shop.api, device.user_id).ask("plan", redemption())) == (409, "intent_conflict")


@pytest.mark.parametrize("other", [redemption(points=31), redemption(rewardSlug="mug"), share("c-1")])
def test_other_content_is_a_conflict_in_the_members_own_too(device: Device, other: Json) -> None:
    device.ask("plan")
    answer = device.ask("plan", **{"redemption": None, **other})
    assert code(answer) == (409, "intent_conflict")
    assert code(device.ask("plan", orderReference="A-2")) == (409, "intent_conflict")


def test_the_members_own_and_the_shops_at_once(committed_app: Portal, document: Document) -> None:
    """Four browsers and eight calls of the shop for all of them, with one id: each of those holds once at most."""
    people = [f"user-{number}" for number in "abcd"]
    devices = {}
    with committed_app.app_context():
        token = make_token(db.session(), "admin")
        for name in people:
            client = committed_app.test_client()
            sign_in(client, make_user(db.session(), id=name))
            devices[name] = Device(client, name)
        db.session.commit()
    shop = Shop(Api(committed_app.test_client(), document, token))
    for name in people:
        shop.credit(name, 100)

    def call(number: int) -> tuple[str, str, int]:
        name = people[number % 4]
        if number < 4:
            return "own", name, devices[name].ask("confirm").status_code
        api = Api(committed_app.test_client(), document, token)
        return "shop", name, Till(api, name).ask("confirm", redemption()).status_code

    answers = at_once(committed_app, 12, call)
    assert {status for who, _, status in answers if who == "own"} == {200}
    assert len({name for who, name, status in answers if who == "shop" and status == 200}) == 1
    assert {status for who, _, status in answers if who == "shop"} == {200, 409}
    assert [shop.points(name)[1] for name in people] == [30] * 4
    with committed_app.app_context():
        assert list(find_differences(db.session())) == []
