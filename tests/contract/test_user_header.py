"""For whom a service acts: the header X-User-Id (CONTRACT 2)."""

import pytest

from tests.contract.api import code
from tests.contract.conftest import As
from tests.contract.shop import Shop

REQUIRED = (400, "user_required")


@pytest.mark.parametrize("path", ["/ledger", "/redemptions"])
@pytest.mark.parametrize("scope", ["member", "admin"])
def test_a_member_endpoint_needs_to_know_the_user(as_scope: As, path: str, scope: str) -> None:
    assert code(as_scope(scope).get(path)) == REQUIRED
    assert code(as_scope(scope).get(path, headers={"X-User-Id": ""})) == REQUIRED


@pytest.mark.parametrize("named", ["nobody", "a b", "x" * 65, "x" * 5000, "' OR 1=1 --", "é", "../ann"])
def test_an_unknown_or_impossible_user_is_refused(as_scope: As, named: str) -> None:
    assert as_scope("member").get("/ledger", headers={"X-User-Id": named}).status_code in (400, 404, 422)


def test_a_member_service_reads_only_the_user_it_names(as_scope: As, shop: Shop, ann: str, ben: str) -> None:
    shop.credit(ann, 100)
    shop.credit(ben, 7)
    for user, points in ((ann, 100), (ben, 7)):
        (entry,) = as_scope("member", user_id=user).get("/ledger").get_json()["entries"]
        assert entry["amount"] == points
    assert as_scope("member", user_id=ann).get(f"/members/{ann}").get_json()["userId"] == ann
    assert as_scope("member", user_id=ann).get(f"/members/{ben}").status_code == 404


def test_a_member_service_without_a_user_reads_no_membership(as_scope: As, ann: str) -> None:
    assert code(as_scope("member").get(f"/members/{ann}")) == REQUIRED


def test_a_member_service_cancels_only_redemptions_of_the_user_it_names(
    as_scope: As, shop: Shop, ann: str, ben: str
) -> None:
    shop.credit(ann, 100)
    made = shop.redeem(ann, points=10)
    path, body = f"/redemptions/{made['id']}/cancel", {"reason": "Not mine"}
    assert as_scope("member", user_id=ben).post(path, body).status_code == 404
    assert code(as_scope("member").post(path, body)) == REQUIRED
    assert shop.points(ann) == (100, 10, 90)
    assert as_scope("member", user_id=ann).post(path, body).status_code == 200
    assert shop.points(ann) == (100, 0, 100)


def test_the_checkout_key_names_its_user_in_the_path(as_scope: As, shop: Shop, ann: str, ben: str) -> None:
    shop.credit(ann, 100)
    body = {"points": 10, "description": "Seat"}
    assert as_scope("checkout").post(f"/members/{ann}/redemptions", body).status_code == 201
    assert shop.points(ann) == (100, 10, 90)


def test_reading_the_ledger_of_a_user_without_membership_is_an_empty_list(as_scope: As, ann: str) -> None:
    assert as_scope("member", user_id=ann).get("/ledger").get_json() == {"entries": [], "nextCursor": None}
    found = as_scope("member", user_id=ann).get("/redemptions").get_json()
    assert found == {"redemptions": [], "pendingCount": 0, "nextCursor": None}
