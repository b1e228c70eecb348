"""`/app/api/loyalty/timeline`: one history of points, redemptions and invites, walked without gap."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.contract.shapes import is_time, is_ulid, is_whole
from tests.contract.shop import Shop
from tests.contract.till import Till, redemption
from tests.factories.accounts import make_user, sign_in

PATH = "/app/api/loyalty/timeline"
ITEM = {"id", "kind", "occurredAt", "title", "detail", "points", "status", "metadata", "canRetry"}
KINDS = ["ledger", "redemption", "referral"]


class Browser:
    """A signed-in member, and the shop."""

    def __init__(self, shop: Shop, client: FlaskClient, session: Session) -> None:
        user = make_user(session)
        self.shop, self.client, self.user_id = shop, client, user.id
        sign_in(client, user)

    def get(self, query: Any = None, **headers: str) -> Any:
        """The answer, whatever it is."""
        return self.client.get(PATH, query_string=query, headers=headers)

    def page(self, **query: Any) -> dict[str, Any]:
        """A page, which must succeed."""
        answer = self.get(query)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return dict(answer.get_json())

    def invite(self) -> dict[str, Any]:
        """An invite issued by the shop."""
        answer = self.shop.api.post(f"/members/{self.user_id}/referrals", {"channel": "link"})
        assert answer.status_code == 201, answer.get_json()
        return dict(answer.get_json())

    def history(self, rounds: int = 4) -> None:
        """Three events a round, one of each kind."""
        for _ in range(rounds):
            self.shop.credit(self.user_id, 10)
            self.shop.redeem(self.user_id, points=1)
            self.invite()


@pytest.fixture
def browser(shop: Shop, client: FlaskClient, session: Session) -> Browser:
    """A signed-in member without a history."""
    return Browser(shop, client, session)


def walk(browser: Browser, meanwhile: Any = None, **query: Any) -> list[dict[str, Any]]:
    seen: list[dict[str, Any]] = []
    token = None
    while True:
        found = browser.page(**query, **({"cursorToken": token} if token else {}))
        seen += found["items"]
        assert found["hasMore"] == bool(found["hasMore"] and found["items"])
        if not found["hasMore"]:
            return seen
        token = found["cursorToken"]
        assert isinstance(token, str)
        if meanwhile:
            meanwhile()


def test_an_empty_history_is_empty(browser: Browser) -> None:
    found = browser.page()
    assert set(found) == {"items", "cursorToken", "hasMore"}
    assert (found["items"], found["hasMore"]) == ([], False)


def test_every_kind_of_event_has_the_shape_of_the_contract(browser: Browser) -> None:
    browser.history(1)
    items = browser.page()["items"]
    assert [item["kind"] for item in items] == ["referral", "redemption", "ledger"]
    for item in items:
        assert set(item) == ITEM
        assert is_ulid(item["id"])
        assert is_time(item["occurredAt"])
        assert item["title"].strip()
        assert item["points"] is None or is_whole(item["points"])
        assert isinstance(item["metadata"], dict)
        assert item["canRetry"] is False
    assert items[2]["points"] == 10
    assert items[1]["status"] == "requested"


def test_the_ids_are_those_of_the_api(browser: Browser) -> None:
    entry = browser.shop.credit(browser.user_id, 10)
    made = browser.shop.redeem(browser.user_id, points=5)
    invite = browser.invite()
    assert [item["id"] for item in browser.page()["items"]] == [invite["id"], made["id"], entry["id"]]


@pytest.mark.parametrize("kinds", [["ledger"], ["redemption"], ["referral"], ["ledger", "referral"], KINDS])
def test_types_are_alternatives(browser: Browser, kinds: list[str]) -> None:
    browser.history(2)
    items = browser.page(types=kinds)["items"]
    assert len(items) == 2 * len(kinds)
    assert {item["kind"] for item in items} == set(kinds)


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 12, 100])
@pytest.mark.parametrize("kinds", [[], ["redemption"], ["ledger", "referral"]])
def test_a_walk_shows_each_event_once_and_in_order(browser: Browser, limit: int, kinds: list[str]) -> None:
    browser.history()
    whole = browser.page(limit=100, types=kinds)["items"]
    assert len(whole) == 4 * len(kinds or KINDS)
    assert [item["occurredAt"] for item in whole] == sorted((item["occurredAt"] for item in whole), reverse=True)
    assert walk(browser, limit=limit, types=kinds) == whole


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_what_is_written_during_a_walk_moves_nothing(browser: Browser, limit: int) -> None:
    browser.history()
    whole = browser.page(limit=100)["items"]
    seen = walk(browser, lambda: browser.history(1), limit=limit)
    assert [item["id"] for item in seen] == [item["id"] for item in whole]


def test_a_page_is_replayed_with_its_token_and_another_limit(browser: Browser) -> None:
    browser.history()
    token = browser.page(limit=3)["cursorToken"]
    assert browser.page(limit=3, cursorToken=token) == browser.page(limit=3, cursorToken=token)
    assert len(browser.page(limit=9, cursorToken=token)["items"]) == 9


def test_the_limit_is_20_unless_said(browser: Browser) -> None:
    browser.history(7)
    found = browser.page()
    assert (len(found["items"]), found["hasMore"]) == (20, True)
    assert len(browser.page(cursorToken=found["cursorToken"])["items"]) == 1


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "1.5", ""])
def test_another_limit_is_422(browser: Browser, limit: str) -> None:
    assert browser.get({"limit": limit}).status_code == 422


@pytest.mark.parametrize("types", [["nudge"], ["ledger", "nudge"], [""]])
def test_an_unknown_type_is_422(browser: Browser, types: list[str]) -> None:
    answer = browser.get({"types": types})
    assert answer.status_code == 422
    assert answer.mimetype == "application/problem+json"


def test_an_edited_token_is_refused(browser: Browser) -> None:
    browser.history(2)
    token = browser.page(limit=1)["cursorToken"]
    edits = {token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :] for at in range(0, len(token) - 1, 3)}
    for edited in edits | {token[:-2], token[1:], token + "A", "x", "é", "\x00", ".", "A" * 1900}:
        answer = browser.get({"cursorToken": edited, "limit": 1})
        assert (answer.status_code, answer.get_json()["code"]) == (400, "invalid_cursor"), edited


def test_a_token_of_another_member_or_filter_or_list_is_refused(
    browser: Browser, shop: Shop, client: FlaskClient, session: Session
) -> None:
    browser.history(2)
    token = browser.page(limit=1)["cursorToken"]
    of_ledger = shop.api.get("/ledger", {"limit": 1}, {"X-User-Id": browser.user_id}).get_json()["nextCursor"]
    for query in ({"cursorToken": token, "types": "ledger"}, {"cursorToken": of_ledger}):
        assert browser.get(query).get_json()["code"] == "invalid_cursor"
    other = Browser(shop, client.application.test_client(), session)
    other.history(2)
    answer = other.get({"cursorToken": token})
    assert (answer.status_code, answer.get_json()["code"]) == (400, "invalid_cursor")


def test_members_see_their_own_history_alone(
    browser: Browser, shop: Shop, client: FlaskClient, session: Session
) -> None:
    browser.history(1)
    other = Browser(shop, client.application.test_client(), session)
    assert other.page()["items"] == []
    assert other.get(**{"X-User-Id": browser.user_id}).get_json()["items"] == []


def test_what_became_of_an_event_is_its_status_and_not_its_place(browser: Browser) -> None:
    browser.shop.credit(browser.user_id, 100)
    made = browser.shop.redeem(browser.user_id, points=5)
    invite = browser.invite()
    browser.shop.fail(made, "Inventory depleted")
    browser.shop.credit(browser.user_id, 1)
    items = {item["id"]: item for item in browser.page()["items"]}
    assert (items[made["id"]]["status"], items[made["id"]]["canRetry"]) == ("failed", True)
    assert "Inventory depleted" in str(items[made["id"]])
    assert items[invite["id"]]["kind"] == "referral"
    assert list(items)[1:3] == [invite["id"], made["id"]]


@pytest.mark.parametrize("verb", ["fulfill", "cancel"])
def test_only_what_failed_can_be_tried_again(browser: Browser, verb: str) -> None:
    browser.shop.credit(browser.user_id, 100)
    getattr(browser.shop, verb)(browser.shop.redeem(browser.user_id, points=5))
    assert not any(item["canRetry"] for item in browser.page()["items"])


def test_a_cancelled_checkout_is_told(browser: Browser) -> None:
    browser.shop.credit(browser.user_id, 100)
    till = Till(browser.shop.api, browser.user_id)
    till.confirm(redemption())
    till.cancel(redemption())
    (item,) = browser.page(types="redemption")["items"]
    assert item["status"] == "cancelled"
    assert "checkout_intent_cancelled" not in item["title"] + (item["detail"] or ""), "no internal name for members"


def test_htmx_gets_a_part_of_a_page(browser: Browser) -> None:
    browser.history(7)
    answer = browser.get(**{"HX-Request": "true"})
    text = answer.get_data(as_text=True)
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    assert "<html" not in text
    assert text.count('data-testid="timeline-item"') == 20
    assert 'data-testid="timeline-more"' in text
    assert all(f'data-kind="{kind}"' in text for kind in KINDS)


def test_htmx_and_json_answers_are_cached_apart(browser: Browser) -> None:
    browser.history(1)
    first = browser.get()
    assert "HX-Request" in first.headers["Vary"]
    again = browser.get(**{"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    part = browser.get(**{"If-None-Match": first.headers["ETag"], "HX-Request": "true"})
    assert (part.status_code, part.mimetype) == (200, "text/html")


def test_without_a_session_there_is_no_history(shop: Shop, client: FlaskClient, ann: str) -> None:
    shop.credit(ann, 5)
    answer = client.get(PATH)
    assert answer.status_code in (302, 303, 401)
    assert "items" not in answer.get_data(as_text=True)
    headers = {**shop.api.headers, "X-User-Id": ann}
    assert client.get(PATH, headers=headers).status_code in (302, 303, 401, 403), "it is the member's session alone"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_another_method_is_405(browser: Browser, method: str) -> None:
    assert browser.client.open(PATH, method=method).status_code in (400, 405)
