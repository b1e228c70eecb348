"""Nobody pays another price than they saw (CONTRACT-EARNING 8.7): redemptions, confirmed checkouts and the hub."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.contract.api import Api
from tests.contract.shop import Shop
from tests.factories.accounts import csrf, make_user, sign_in


@pytest.fixture
def ada(shop: Shop, ann: str) -> str:
    shop.reward("mug", 100, inventory=5)
    shop.credit(ann, 1000)
    return ann


@pytest.mark.parametrize(("expected", "status"), [(None, 201), (100, 201), (99, 409), (101, 409)])
def test_a_redemption_of_another_price_is_refused(
    admin: Api, shop: Shop, ada: str, expected: int | None, status: int
) -> None:
    body = {"rewardSlug": "mug"} | ({} if expected is None else {"expectedPoints": expected})
    answer = admin.post(f"/members/{ada}/redemptions", body)
    assert answer.status_code == status
    if status == 409:
        assert (answer.get_json()["code"], answer.get_json()["pointsCost"]) == ("price_changed", 100)
        assert shop.points(ada) == (1000, 0, 1000)
        assert shop.stock("mug") == (5, True)


@pytest.mark.parametrize(
    "body", [{"points": 10, "description": "x", "expectedPoints": 10}, {"rewardSlug": "mug", "expectedPoints": 0}]
)
def test_a_price_that_makes_no_sense_is_refused(admin: Api, ada: str, body: dict[str, Any]) -> None:
    assert admin.post(f"/members/{ada}/redemptions", body).status_code == 422


def checkout(admin: Api, user_id: str, action: str, **redemption: Any) -> Any:
    wish = {"checkoutIntentId": "c-1", "rewardSlug": "mug", **redemption}
    body = {"userId": user_id, "orderReference": "A-1", "action": action, "redemption": wish}
    return admin.post("/checkout/intents", body)


@pytest.mark.parametrize(
    ("expected", "status"), [(None, 409), (100, 409), (150, 200)], ids=["nothing", "the old price", "the new price"]
)
def test_a_plan_of_another_price_is_confirmed_only_by_the_new_one(
    admin: Api, shop: Shop, ada: str, expected: int | None, status: int
) -> None:
    assert checkout(admin, ada, "plan").status_code == 200
    shop.reward("mug", 150)
    answer = checkout(admin, ada, "confirm", **({} if expected is None else {"expectedPoints": expected}))
    assert answer.status_code == status
    if status == 409:
        assert (answer.get_json()["code"], answer.get_json()["pointsCost"]) == ("price_changed", 150)
    assert shop.points(ada)[1] == (150 if status == 200 else 0)


@pytest.mark.parametrize(("expected", "status"), [(None, 200), (100, 200), (90, 409)])
def test_a_confirm_without_a_plan_pays_what_it_expects(
    admin: Api, shop: Shop, ada: str, expected: int | None, status: int
) -> None:
    answer = checkout(admin, ada, "confirm", **({} if expected is None else {"expectedPoints": expected}))
    assert answer.status_code == status
    assert shop.points(ada)[1] == (100 if status == 200 else 0)


def test_a_confirmed_redemption_is_confirmed_again_at_its_old_price(admin: Api, shop: Shop, ada: str) -> None:
    assert checkout(admin, ada, "confirm").status_code == 200
    shop.reward("mug", 150)
    assert checkout(admin, ada, "confirm").status_code == 200
    assert shop.points(ada)[1] == 100


@pytest.mark.parametrize(("seen", "held"), [("100", 0), ("150", 150), ("", 150)])
def test_the_hub_holds_only_what_the_page_has_shown(
    client: FlaskClient, session: Session, shop: Shop, seen: str, held: int
) -> None:
    user = make_user(session)
    shop.reward("mug", 100)
    shop.credit(user.id, 1000)
    sign_in(client, user)
    page = client.get("/account/loyalty/rewards/mug/redeem").text
    assert 'name="expected_points" type="hidden" value="100"' in page
    shop.reward("mug", 150)
    fields = {"csrf_token": csrf(client), "idempotency_key": "01M8H3WBBVGDRD4TXMQCKX7A4S", "expected_points": seen}
    answer = client.post("/account/loyalty/rewards/mug/redeem", data=fields)
    assert shop.points(user.id)[1] == held
    if not held:
        assert answer.status_code == 409
        assert "The price has changed." in answer.text
        assert 'value="150"' in answer.text
