from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from portal.accounts.models import User
from portal.accounts.sessions import end_sessions_of
from portal.platform.db import unit_of_work
from tests.e2e.conftest import PASSWORD, Complaints, Shop
from tests.e2e.people import join, join_with_points, sign_in, sign_out


def coffee(page: Page) -> object:
    return page.locator('[data-testid="reward-card"][data-slug="espresso"]').get_by_test_id("redeem-button")


def test_a_member_signs_in_and_redeems_without_leaving_the_page(page: Page, shop: Shop) -> None:
    email = join(page)
    shop.credit(email, 1240)
    sign_out(page)
    sign_in(page, email)
    expect(page.get_by_test_id("balance-available")).to_have_text("1,240")

    coffee(page).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("1,240")
    expect(dialog).to_contain_text("940")
    dialog.get_by_role("button", name="Redeem for 300 points").click()

    expect(dialog).to_contain_text("Requested")
    dialog.get_by_text("Done").click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_test_id("balance-available")).to_have_text("940")
    expect(page.get_by_test_id("balance-held")).to_have_text("300")
    expect(page.get_by_test_id("flash")).not_to_be_empty()
    expect(page.locator("#holds")).to_contain_text("Any coffee, on us")


def test_a_member_without_scripts_redeems_over_full_pages(open_page: Callable[..., Page], shop: Shop) -> None:
    page = open_page(java_script_enabled=False)
    join_with_points(page, shop, 500)

    coffee(page).click()
    expect(page.get_by_role("heading", name="Any coffee, on us")).to_be_visible()
    page.get_by_role("button", name="Redeem for 300 points").click()

    expect(page).to_have_title("Your rewards · Acme Rewards")
    expect(page.get_by_test_id("flash")).to_contain_text("Any coffee, on us")
    expect(page.get_by_test_id("balance-available")).to_have_text("200")
    expect(page.get_by_test_id("balance-held")).to_have_text("300")


@pytest.mark.parametrize("scripts", [True, False])
def test_a_cancelled_request_gives_the_points_back(open_page: Callable[..., Page], shop: Shop, scripts: bool) -> None:
    page = open_page(java_script_enabled=scripts)
    join_with_points(page, shop, 500)
    coffee(page).click()
    page.get_by_role("button", name="Redeem for 300 points").click()
    expect(page.get_by_test_id("flash")).to_contain_text("Any coffee, on us")
    page.goto("/account/loyalty")

    page.locator("#holds summary").click()
    page.get_by_role("button", name="Cancel this request").click()

    expect(page.get_by_test_id("balance-available")).to_have_text("500")
    expect(page.get_by_test_id("balance-held")).to_have_text("0")
    expect(page.get_by_test_id("flash")).to_contain_text("300")


def test_rewards_out_of_reach_say_why(page: Page, shop: Shop) -> None:
    join_with_points(page, shop, 1000)

    for slug, reason in [("plant", "89,000 more"), ("tasting", "Opens at Gold")]:
        button = page.locator(f'[data-slug="{slug}"]').get_by_test_id("redeem-button")
        expect(button).to_be_disabled()
        expect(button).to_have_text(reason)


def test_the_dialog_gives_the_focus_back_when_it_is_dismissed(page: Page, shop: Shop) -> None:
    join_with_points(page, shop, 500)

    coffee(page).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Any coffee, on us", level=2)).to_be_focused()
    page.keyboard.press("Escape")

    expect(coffee(page)).to_be_focused()


def test_a_double_click_on_redeem_redeems_once(page: Page, shop: Shop) -> None:
    join_with_points(page, shop, 1000)

    coffee(page).click()
    page.get_by_role("button", name="Redeem for 300 points").dblclick()

    expect(page.get_by_role("dialog")).to_contain_text("Requested")
    page.goto("/account/loyalty")
    expect(page.get_by_test_id("balance-available")).to_have_text("700")


def end_sign_in(shop: Shop, email: str) -> None:
    """Let every sign-in of a member be over, as time does."""
    with shop.app.app_context(), unit_of_work() as session:
        user = session.scalar(select(User).where(User.email == email))
        assert user is not None
        end_sessions_of(session, user.id)


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("asked", [False, True])
def test_who_is_signed_out_while_redeeming_comes_back_to_the_question(
    open_page: Callable[..., Page], shop: Shop, complaints: Complaints, scripts: bool, asked: bool
) -> None:
    page = open_page(java_script_enabled=scripts)
    email = join_with_points(page, shop, 500)
    if asked:
        coffee(page).click()
        expect(page.get_by_role("button", name="Redeem for 300 points")).to_be_visible()
    end_sign_in(shop, email)

    (page.get_by_role("button", name="Redeem for 300 points") if asked else coffee(page)).click()
    expect(page.get_by_test_id("flash")).to_have_text("Please sign in again. Nothing was redeemed.")
    page.get_by_label("Email address").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()

    expect(page.get_by_role("heading", name="Any coffee, on us")).to_be_visible()
    page.get_by_role("button", name="Redeem for 300 points").click()
    expect(page.get_by_test_id("balance-held")).to_have_text("300")
    complaints.forgive(401)
