"""From invite to credited friend, in two browsers that have never met."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from portal.accounts.models import User
from portal.platform.db import unit_of_work
from tests.e2e.conftest import PASSWORD, Shop
from tests.e2e.people import confirm, join, shop_of
from tests.factories.accounts import bearer, make_token


def user_id_of(shop: Shop, email: str) -> str:
    with shop.app.app_context(), unit_of_work() as session:
        return session.scalars(select(User.id).where(User.email == email)).one()


def call(shop: Shop, method: str, path: str, *scopes: str, user_id: str | None = None, **body: Any) -> Any:
    """An answer of the API, asked by a service."""
    with shop.app.app_context(), unit_of_work() as session:
        token = make_token(session, *scopes)
    answer = shop.app.test_client().open(
        f"/api/v1/loyalty/{path}", method=method, json=body or None, headers=bearer(token, user_id)
    )
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.get_json()


def invite(page: Page, **fields: str) -> None:
    """Fill in the form of the dashboard and send it."""
    form = page.get_by_test_id("invite-form")
    for label, value in fields.items():
        form.get_by_label(label.replace("_", " ")).fill(value)
    form.get_by_role("button", name="Invite").click()


def path_of_first_link(page: Page) -> str:
    row = page.get_by_test_id("invite-row").first
    row.locator("summary").click()
    return "/r/" + row.get_by_test_id("invite-share-link").input_value().rsplit("/", 1)[1]


def follow(friend: Page, path: str, email: str) -> None:
    """Open an invite, register from its page, and confirm the address."""
    friend.goto(path)
    expect(friend.get_by_role("heading", level=1)).to_contain_text("Ada invites you")
    friend.get_by_role("link", name="Join for free").click()
    friend.get_by_label("Your name").fill("Grace Hopper")
    friend.get_by_label("Email address").fill(email)
    friend.get_by_label("Password", exact=True).fill(PASSWORD)
    friend.get_by_role("button", name="Join for free").click()
    expect(friend).to_have_url(re.compile("/register/sent$"))
    confirm(friend, shop_of(friend).link_mailed_to(email))
    expect(friend).to_have_url(re.compile("/account/loyalty$"))


@pytest.mark.parametrize("scripts", [True, False])
def test_an_invite_becomes_a_credited_friend_and_all_figures_agree(
    open_page: Callable[..., Page], shop: Shop, scripts: bool
) -> None:
    ada, grace = open_page(java_script_enabled=scripts), open_page(java_script_enabled=scripts)
    email = join(ada)
    ada.goto("/account/referrals")
    invite(ada, Their_name="Grace")
    expect(ada.get_by_test_id("flash")).to_contain_text("Your link is ready")
    expect(ada.get_by_test_id("invite-row")).to_have_attribute("data-status", "sent")
    expect(ada.get_by_test_id("invite-throttle")).to_be_visible()

    path = path_of_first_link(ada)
    friend_email = f"grace-{email}"
    follow(grace, path, friend_email)
    friend_id, user_id = user_id_of(shop, friend_email), user_id_of(shop, email)
    done = call(shop, "POST", "referrals/complete", "admin", code=path[3:], refereeUserId=friend_id)
    assert done["referral"]["status"] == "converted"

    grace.reload()
    expect(grace.get_by_test_id("balance-available")).to_have_text("100")
    ada.goto("/account/loyalty")
    expect(ada.get_by_test_id("balance-available")).to_have_text("500")
    ada.goto("/account/referrals")
    summary = ada.get_by_test_id("conversion-summary")
    expect(summary).to_have_attribute("data-converted", "1")
    expect(summary).to_contain_text("500")
    expect(ada.get_by_test_id("invite-row")).to_have_attribute("data-status", "converted")
    told = call(shop, "GET", "referrals/conversions", "member", user_id=user_id)
    entries = call(shop, "GET", "ledger?types=referral_bonus", "member", user_id=user_id)["entries"]
    assert told["invites"]["converted"] == told["invites"]["total"] == 1
    assert told["pointsEarned"] == sum(entry["amount"] for entry in entries) == 500
    assert entries[0]["metadata"]["referral_code"] == path[3:]


@pytest.mark.parametrize("scripts", [True, False])
def test_a_cancelled_invite_leaves_a_kind_page_behind(
    open_page: Callable[..., Page], shop: Shop, scripts: bool
) -> None:
    ada = open_page(java_script_enabled=scripts)
    join(ada)
    ada.goto("/account/referrals")
    invite(ada, Their_name="Grace")
    path = path_of_first_link(ada)
    ada.get_by_test_id("invite-cancel").click()
    expect(ada.get_by_test_id("invite-row")).to_have_attribute("data-status", "cancelled")
    expect(ada.get_by_test_id("flash")).to_contain_text("Its link no longer works")

    answer = shop.app.test_client().get(path)
    assert answer.status_code == 410
    assert "taken back" in answer.get_data(as_text=True)


def test_the_pause_counts_down_and_the_form_opens_by_itself(page: Page) -> None:
    join(page)
    page.goto("/account/referrals")
    page.clock.install()
    invite(page)
    button = page.get_by_test_id("invite-form").get_by_role("button", name="Invite")
    expect(page.get_by_test_id("invite-throttle")).to_contain_text("s.")
    expect(button).to_be_disabled()
    page.clock.run_for(61_000)
    expect(page.get_by_test_id("invite-throttle")).to_have_count(0)
    expect(button).to_be_enabled()


def test_only_the_fields_of_the_chosen_way_are_asked(page: Page) -> None:
    join(page)
    page.goto("/account/referrals")
    form = page.get_by_test_id("invite-form")
    expect(form.get_by_label("email address")).to_be_hidden()
    form.get_by_text("By email").click()
    expect(form.get_by_label("email address")).to_be_visible()
    expect(form.get_by_label("phone")).to_be_hidden()
    invite(page, Their_email_address="grace@example.org", Their_name="Grace")
    expect(page.get_by_test_id("flash")).to_contain_text("Your invite to Grace is on its way.")
    expect(page.get_by_test_id("flash")).to_be_focused()


def test_the_link_is_copied_and_shown_as_a_code(open_page: Callable[..., Page]) -> None:
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    join(page)
    page.goto("/account/referrals")
    share = page.get_by_role("region", name="Your link")
    share.get_by_role("button", name="Copy").click()
    expect(page.locator("#notes")).to_contain_text("Link copied.")
    assert page.evaluate("navigator.clipboard.readText()") == share.get_by_test_id("invite-share-link").input_value()
    share.get_by_text("Show as a QR code").click()
    expect(share.get_by_role("img", name="QR code of your invite link")).to_be_visible()


def test_a_double_click_invites_once(page: Page) -> None:
    join(page)
    page.goto("/account/referrals")
    page.get_by_test_id("invite-form").get_by_role("button", name="Invite").dblclick()
    expect(page.get_by_test_id("flash")).to_contain_text("Your link is ready")
    expect(page.get_by_test_id("invite-row")).to_have_count(1)
