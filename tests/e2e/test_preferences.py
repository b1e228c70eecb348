"""The preferences page as people use it: with scripts and without, on any screen, in light and dark."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import AXE, Shop
from tests.e2e.people import expect_refusal, join
from tests.e2e.test_pages import GRAVE, SIDEWAYS
from tests.notifications.test_push import PRIVATE

URL = "/account/preferences"
ROOM = "(control) => getComputedStyle(control).paddingInlineEnd"
SCRIPTS = pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])


def save(page: Page) -> None:
    page.get_by_role("button", name="Save preferences").click()


def news(page: Page) -> Any:
    return page.get_by_label("Send me news about my rewards")


@SCRIPTS
def test_what_a_member_chooses_is_kept(open_page: Callable[..., Page], scripts: bool) -> None:
    page = open_page(java_script_enabled=scripts)
    join(page)
    page.goto(URL)
    expect(news(page)).not_to_be_checked()
    news(page).check()
    page.get_by_label("Reminders about points, rewards and invites").uncheck()
    page.get_by_label("Text message").uncheck()
    page.get_by_label("Phone number").fill("+1 (415) 555-2671")
    page.get_by_label("Time zone").select_option("Europe/Berlin")
    page.get_by_label("Nothing after").fill("22:00")
    page.get_by_label("and before").fill("07:30")
    page.get_by_label("Day (optional)").select_option("29")
    page.get_by_label("Month (optional)").select_option("February")
    save(page)
    expect(page.get_by_test_id("flash")).to_contain_text("Your preferences are saved.")
    page.reload()
    expect(news(page)).to_be_checked()
    expect(page.get_by_label("A new tier that you have reached")).to_be_checked()
    expect(page.get_by_label("Reminders about points, rewards and invites")).not_to_be_checked()
    expect(page.get_by_label("Text message")).not_to_be_checked()
    expect(page.get_by_label("Phone number")).to_have_value("+14155552671")
    expect(page.get_by_label("Time zone")).to_have_value("Europe/Berlin")
    expect(page.get_by_label("Nothing after")).to_have_value("22:00")
    expect(page.get_by_label("and before")).to_have_value("07:30")
    expect(page.get_by_label("Day (optional)")).to_have_value("29")
    expect(page.get_by_label("Month (optional)")).to_have_value("02")


@SCRIPTS
def test_a_birthday_is_told_refused_where_there_is_no_such_day_and_taken_back(
    browser: Browser, base_url: str, scripts: bool
) -> None:
    page = browser.new_page(base_url=base_url, java_script_enabled=scripts)  # the console calls a 422 an error
    join(page)
    page.goto(URL)
    group = page.get_by_role("group", name="Your birthday")
    day, month = group.get_by_label("Day"), group.get_by_label("Month")
    expect(group).to_have_accessible_description(re.compile("at least 30 days before"))
    month.select_option("February")
    save(page)
    expect_refusal(page, scripts=scripts)
    expect(page.locator("#birthday_month-error")).to_contain_text("A birthday needs a day too.")
    day.select_option("30")
    save(page)
    expect_refusal(page, scripts=scripts)
    expect(page.locator("#birthday_month-error")).to_contain_text("This month has no such day.")
    expect(day).to_have_value("30")
    expect(month).to_have_css("background-image", re.compile("svg"))
    assert month.evaluate(ROOM) == day.evaluate(ROOM), "a refused select has less room for its text"
    page.get_by_role("link", name="This month has no such day.").click()
    expect(month).to_be_focused()
    month.select_option("March")
    save(page)
    expect(page.get_by_test_id("flash")).to_contain_text("saved")
    expect(day).to_have_value("30")
    for control in (day, month):
        control.select_option("Not given")
    save(page)
    expect(page.get_by_test_id("flash")).to_contain_text("saved")
    expect(day).to_have_value("")
    expect(month).to_have_value("")
    page.context.close()


@SCRIPTS
def test_what_cannot_be_is_explained_beside_the_field_and_nothing_typed_is_lost(
    browser: Browser, base_url: str, scripts: bool
) -> None:
    page = browser.new_page(base_url=base_url, java_script_enabled=scripts)  # the console calls a 422 an error
    join(page)
    page.goto(URL)
    news(page).check()
    page.get_by_label("Phone number").fill("12345")
    page.get_by_label("Nothing after").fill("22:00")
    save(page)
    phone = page.get_by_label("Phone number")
    expect_refusal(page, scripts=scripts)
    expect(phone).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#phone_number-error")).to_contain_text("such as +14155552671")
    expect(page.locator("#quiet_from-error")).to_contain_text("Quiet hours need a beginning and an end.")
    expect(phone).to_have_value("12345")
    expect(news(page)).to_be_checked()
    page.get_by_role("link", name=re.compile("such as")).click()
    expect(phone).to_be_focused()
    phone.fill("")
    page.get_by_label("and before").fill("07:00")
    save(page)
    expect(page.get_by_test_id("flash")).to_contain_text("saved")
    page.context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_it_fits_every_screen_and_axe_finds_nothing_serious(
    open_page: Callable[..., Page], shop: Shop, width: int, theme: str
) -> None:
    settings = shop.app.config["SETTINGS"]
    settings.vapid_private_key = PRIVATE
    page = open_page(viewport={"width": width, "height": 800}, color_scheme=theme, reduced_motion="reduce")
    join(page)
    page.goto(URL)
    settings.vapid_private_key = ""
    expect(page.get_by_role("heading", name="Notifications on a device")).to_be_visible()
    assert page.evaluate(SIDEWAYS) == 0
    page.evaluate(AXE.read_text(encoding="utf-8"))
    assert page.evaluate(GRAVE) == []
