"""The hooks of CONTRACT 5, and what a member does with them without scripts."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.platform import clock
from tests.contract.pages import PageView
from tests.contract.shop import Shop
from tests.contract.till import Till, redemption, share
from tests.factories.accounts import csrf, make_user, sign_in

RAILS = ["/account/loyalty", "/account/referrals", "/checkout/success?order=A-1"]


@pytest.fixture
def till(shop: Shop, client: FlaskClient, session: Session) -> Till:
    """A checkout for the member who is signed in, with all that the pages can show."""
    user = make_user(session)
    made = Till(shop.api, user.id)
    sign_in(client, user)
    shop.tier("bronze", 0)
    shop.tier("gold", 1000)
    shop.reward("mug", 30)
    with time_machine.travel(clock.now() - timedelta(days=10)):
        shop.credit(made.user_id, 100, expiresAt=None)
        shop.redeem(made.user_id, points=10)
    shop.credit(made.user_id, 20, expiresAt=(clock.now() + timedelta(days=1)).isoformat())
    shop.fail(shop.redeem(made.user_id, points=5))
    shop.api.post(f"/members/{made.user_id}/referrals", {"channel": "link"})
    made.plan(redemption(), share())
    return made


def look(client: FlaskClient, path: str) -> PageView:
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    return PageView(answer.get_data(as_text=True))


def digits(text: str) -> list[int]:
    return [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", text)]


def test_the_hub_has_its_hooks(client: FlaskClient, till: Till) -> None:
    page = look(client, "/account/loyalty")
    assert 110 in digits(page.text("balance-available"))
    assert 10 in digits(page.text("balance-held"))
    assert "Bronze" in page.text("tier-name")
    assert 20 in digits(page.text("expiring-points"))
    assert page.hook("tier-progress") is not None
    card = page.hook("reward-card")
    assert card.get("data-slug") == "mug"
    assert page.hook("redeem-button", card) is not None
    timeline = page.hook("timeline")
    items = page.hooks("timeline-item", timeline)
    assert {item.get("data-kind") for item in items} == {"ledger", "redemption", "referral"}
    assert all(item.get("data-status") for item in items if item.get("data-kind") != "ledger")
    for kind in ("ledger", "redemption", "referral"):
        assert page.hook(f"timeline-filter-{kind}") is not None
    (failed,) = [item for item in items if item.get("data-status") == "failed"]
    assert len(page.hooks("retry-redemption")) == len(page.hooks("retry-redemption", failed)) == 1


def test_a_long_history_offers_more(shop: Shop, client: FlaskClient, till: Till) -> None:
    assert look(client, "/account/loyalty").hooks("timeline-more") == []
    for _ in range(20):
        shop.credit(till.user_id, 1)
    assert look(client, "/account/loyalty").hook("timeline-more") is not None


def test_the_dashboard_has_its_hooks(client: FlaskClient, till: Till) -> None:
    page = look(client, "/account/referrals")
    for name in ("invite-form", "conversion-summary"):
        assert page.hook(name) is not None
    row = page.hooks("invite-row")[0]
    assert row.get("data-status") in ("draft", "sent")
    assert page.hook("invite-cancel", row) is not None
    assert page.hooks("invite-share-link")


def test_an_invite_too_soon_is_throttled_on_the_page(client: FlaskClient, till: Till) -> None:
    for _ in range(2):
        page = look(client, "/account/referrals")
        _, fields = page.form(page.hook("invite-form"))
        client.post("/account/referrals", data={**fields, "csrf_token": csrf(client), "channel": "link"})
    assert look(client, "/account/referrals").hooks("invite-throttle")


@pytest.mark.parametrize("path", RAILS)
def test_nudges_and_next_actions_are_on_every_rail(client: FlaskClient, till: Till, path: str) -> None:
    page = look(client, path)
    rail = page.hook("nudge-rail")
    cards = page.hooks("nudge-card", rail)
    types = {card.get("data-type") for card in cards}
    assert types >= {"expiring_points", "stalled_redemption"}
    for card in cards:
        assert page.hook("nudge-dismiss", card) is not None
        assert page.hook("nudge-acknowledge", card) is not None
    assert len(page.hooks("next-action")) == 2


@pytest.mark.parametrize("path", RAILS)
@pytest.mark.parametrize("hook", ["nudge-dismiss", "nudge-acknowledge"])
def test_a_card_is_answered_without_scripts(client: FlaskClient, till: Till, path: str, hook: str) -> None:
    page = look(client, path)
    (card,) = [card for card in page.hooks("nudge-card") if card.get("data-type") == "expiring_points"]
    form = next(form for form in card.iter("form") if page.hooks(hook, form))
    fields = {control.get("name"): control.get("value", "") for control in form.iter("input") if control.get("name")}
    button = page.hook(hook, form)
    answer = client.post(button.get("formaction") or form.get("action", ""), data=fields, follow_redirects=True)
    assert answer.status_code == 200
    left = till.nudges()
    if hook == "nudge-dismiss":
        assert "expiring_points" not in left
        for other in RAILS:
            shown = {card.get("data-type") for card in look(client, other).hooks("nudge-card")}
            assert "expiring_points" not in shown, other
    else:
        assert left.get("expiring_points", {"status": "acknowledged"})["status"] == "acknowledged"


def test_a_failed_redemption_is_tried_again_without_scripts(client: FlaskClient, till: Till) -> None:
    before = len(till.redemptions())
    page = look(client, "/account/loyalty")
    form = next(form for form in page.root.iter("form") if page.hooks("retry-redemption", form))
    fields: dict[str, Any] = {
        control.get("name", ""): control.get("value", "") for control in form.iter("input") if control.get("name")
    }
    for _ in range(2):
        assert client.post(form.get("action", ""), data=fields, follow_redirects=True).status_code in (200, 409)
    found = till.redemptions()
    assert len(found) == before + 1, "sent twice, it is asked for once"
    assert (found[0]["status"], found[0]["pointsCost"]) == ("requested", 5)
    assert look(client, "/account/loyalty").hooks("retry-redemption") == []


def test_the_checkouts_page_needs_no_sign_in_and_shows_no_one_elses(client: FlaskClient, till: Till) -> None:
    stranger = client.application.test_client()
    answer = stranger.get("/checkout/success?order=A-1")
    assert answer.status_code in (200, 302, 303)
    assert "nudge-card" not in answer.get_data(as_text=True)
    assert "next-action" not in answer.get_data(as_text=True)


@pytest.mark.parametrize("order", ["", "<script>alert(1)</script>", "x" * 5000, "A-1&order=B", "%00", "☃"])
def test_an_order_reference_is_never_markup(client: FlaskClient, till: Till, order: str) -> None:
    answer = client.get("/checkout/success", query_string={"order": order})
    assert answer.status_code in (200, 400, 404, 422)
    assert "<script>alert" not in answer.get_data(as_text=True)


@pytest.mark.parametrize("path", ["/account/loyalty", "/account/referrals", "/account/preferences"])
def test_strangers_are_sent_to_sign_in(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code in (302, 303)
    assert "/login" in answer.headers["Location"]
