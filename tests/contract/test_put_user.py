"""PUT /api/v1/users/{user_id}: the storefront tells of its users."""

from typing import Any

import pytest

from tests.contract.api import Api
from tests.contract.shop import Shop

ANN = {"email": "ann@example.com", "name": "Ann"}
WHOLE = {
    **ANN,
    "phoneNumber": "+4915112345678",
    "pushToken": "token",
    "timezone": "Europe/Berlin",
    "locale": "de",
    "birthday": "02-29",
    "marketingMessages": True,
}


def put(api: Api, user_id: str, body: Any) -> Any:
    return api.put(f"/api/v1/users/{user_id}", body)


def test_a_new_user_is_201_and_a_known_one_200(admin: Api) -> None:
    made, changed = put(admin, "shop-7", ANN), put(admin, "shop-7", {**ANN, "name": "Anna"})
    assert (made.status_code, changed.status_code) == (201, 200)
    assert (changed.get_json()["name"], changed.get_json()["userId"]) == ("Anna", "shop-7")


def test_all_fields_are_kept_and_no_secret_is_shown(admin: Api) -> None:
    made = put(admin, "shop-7", WHOLE).get_json()
    for field in ("email", "name", "phoneNumber", "timezone", "locale", "birthday", "marketingMessages"):
        assert made[field] == WHOLE[field], field
    assert admin.get("/api/v1/users/shop-7").get_json() == made
    assert "token" not in made.values()
    assert "password" not in str(made).lower()


def test_the_user_can_be_a_member_at_once(shop: Shop) -> None:
    assert put(shop.api, "shop-7", ANN).status_code == 201
    assert shop.member("shop-7")["userId"] == "shop-7"
    assert shop.credit("shop-7", 5)["balanceAfter"] == 5


@pytest.mark.parametrize("user_id", ["a", "A.b_c:d@e-9", "x" * 64, "01ARZ3NDEKTSV4RRFFQ69G5FAV", "a@example.com"])
def test_the_storefront_chooses_the_id(shop: Shop, user_id: str) -> None:
    assert put(shop.api, user_id, ANN).status_code == 201
    assert shop.member(user_id)["userId"] == user_id


@pytest.mark.parametrize("user_id", ["x" * 65, "a%20b", "a%2Fb", "%C3%A9", "a%00", "a+b", "a%0A", "ａ", "a'b"])
def test_an_impossible_id_is_refused(admin: Api, user_id: str) -> None:
    assert put(admin, user_id, ANN).status_code in (400, 404, 422)


def test_ids_that_differ_in_case_are_different_users(shop: Shop) -> None:
    assert put(shop.api, "ann", ANN).status_code == 201
    assert put(shop.api, "ANN", {"email": "other@example.com", "name": "Other"}).status_code == 201
    assert put(shop.api, "ann", ANN).get_json()["name"] == "Ann"


@pytest.mark.parametrize(
    "change",
    [
        {"email": "nonsense"},
        {"email": ""},
        {"email": None},
        {"email": 5},
        {"email": "a@b@c"},
        {"email": "a b@c.de"},
        {"email": "a@example.com\nBcc: x@example.com"},
        {"email": "x" * 300 + "@example.com"},
        {"name": ""},
        {"name": None},
        {"name": 5},
        {"name": "x" * 10_000},
        {"name": "a\x00b"},
        {"phoneNumber": "12"},
        {"phoneNumber": "call me"},
        {"phoneNumber": 5},
        {"timezone": "Mars/Olympus"},
        {"timezone": ""},
        {"timezone": "../etc/passwd"},
        {"timezone": 5},
        {"locale": "tlh-nonsense-x"},
        {"locale": 5},
        {"birthday": "02-30"},
        {"birthday": "13-01"},
        {"birthday": "2-3"},
        {"birthday": "1990-02-03"},
        {"birthday": "02-03\n04-05"},
        {"birthday": "٠٢-٠٣"},
        {"birthday": ""},
        {"birthday": 203},
        {"birthdaySetAt": "2024-01-01T00:00:00Z"},
        {"marketingMessages": "yes"},
        {"marketingMessages": 1},
        {"pushToken": 5},
        {"role": "admin"},
        {"nickname": "x"},
    ],
)
def test_an_impossible_user_is_422(shop: Shop, change: dict[str, Any]) -> None:
    assert put(shop.api, "shop-7", {**ANN, **change}).status_code == 422
    assert shop.api.get("/members/shop-7").status_code == 404


@pytest.mark.parametrize("body", [{}, {"email": "a@example.com"}, {"name": "Ann"}])
def test_a_user_needs_an_address_and_a_name(admin: Api, body: dict[str, Any]) -> None:
    assert put(admin, "shop-7", body).status_code == 422


def test_an_address_belongs_to_one_user(admin: Api) -> None:
    assert put(admin, "shop-7", ANN).status_code == 201
    answer = put(admin, "shop-8", {**ANN, "email": "ANN@example.com"})
    assert answer.status_code in (409, 422)
    assert put(admin, "shop-7", ANN).status_code == 200


def test_what_is_left_out_stays(admin: Api) -> None:
    put(admin, "shop-7", WHOLE)
    changed = put(admin, "shop-7", {**ANN, "name": "Anna"}).get_json()
    assert (changed["timezone"], changed["locale"], changed["marketingMessages"]) == ("Europe/Berlin", "de", True)
    assert changed["birthday"] == "02-29"
