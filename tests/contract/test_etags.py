"""Polling is cheap: ETag and If-None-Match."""

import pytest

from tests.contract.conftest import As
from tests.contract.shop import Shop

READS = ["/tiers", "/rewards", "/members/{ann}", "/ledger", "/redemptions"]


@pytest.fixture
def served(shop: Shop, ann: str) -> Shop:
    """A shop with something to read."""
    shop.tier("silver", 10)
    shop.reward("mug", 10)
    shop.credit(ann, 100)
    shop.redeem(ann, "mug")
    return shop


@pytest.mark.parametrize("path", READS)
def test_an_unchanged_read_is_304(served: Shop, ann: str, path: str) -> None:
    headers = {"X-User-Id": ann}
    path = path.format(ann=ann)
    first = served.api.get(path, headers=headers)
    tag = first.headers["ETag"]
    assert served.api.get(path, headers=headers).headers["ETag"] == tag
    for value in (tag, f'"other", {tag}', f"W/{tag.removeprefix('W/')}", "*"):
        answer = served.api.get(path, headers={**headers, "If-None-Match": value})
        assert (answer.status_code, answer.data) == (304, b""), value
        assert answer.headers["ETag"] == tag
    assert served.api.get(path, headers={**headers, "If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize("path", READS)
def test_a_changed_read_has_another_tag(served: Shop, ann: str, path: str) -> None:
    headers = {"X-User-Id": ann}
    path = path.format(ann=ann)
    tag = served.api.get(path, headers=headers).headers["ETag"]
    served.tier("silver", 20)
    served.reward("mug", 11)
    served.redeem(ann, "mug")
    served.credit(ann, 1)
    answer = served.api.get(path, headers={**headers, "If-None-Match": tag})
    assert answer.status_code == 200
    assert answer.headers["ETag"] != tag


def test_another_members_tag_is_not_mine(served: Shop, ann: str, ben: str) -> None:
    tag = served.api.get("/ledger", headers={"X-User-Id": ann}).headers["ETag"]
    answer = served.api.get("/ledger", headers={"X-User-Id": ben, "If-None-Match": tag})
    assert (answer.status_code, answer.get_json()["entries"]) == (200, [])


def test_a_tag_does_not_replace_credentials(served: Shop, as_scope: As, ann: str) -> None:
    tag = served.api.get("/ledger", headers={"X-User-Id": ann}).headers["ETag"]
    headers = {"If-None-Match": tag, "X-User-Id": ann}
    assert as_scope("checkout").get("/ledger", headers=headers).status_code == 403
    assert as_scope("admin").get("/ledger", headers={**headers, "Authorization": "Bearer x"}).status_code == 401


def test_what_one_may_read_is_not_kept_by_shared_caches(served: Shop, ann: str) -> None:
    control = served.api.get(f"/members/{ann}").headers["Cache-Control"]
    assert "private" in control or "no-store" in control
