"""Registering: the mailed link leads to the hub, on a phone and a desktop, with scripts and without."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import AXE, PASSWORD, Complaints, Shop
from tests.e2e.people import confirm, join, register, sign_in
from tests.e2e.test_pages import GRAVE, SIDEWAYS

SIZES = [{"width": 320, "height": 640}, {"width": 1280, "height": 800}]
CONFIRM = "Confirm and go to my rewards"


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("size", SIZES)
def test_the_mailed_link_leads_to_the_hub(
    open_page: Callable[..., Page], shop: Shop, size: dict[str, int], scripts: bool
) -> None:
    page = open_page(viewport=size, java_script_enabled=scripts)
    email = register(page)
    expect(page.get_by_text(email)).to_be_visible()
    assert page.evaluate(SIDEWAYS) == 0
    confirm(page, shop.link_mailed_to(email))
    expect(page).to_have_url(re.compile("/account/loyalty$"))
    expect(page.get_by_test_id("flash")).to_contain_text("Your address is confirmed. Welcome!")
    expect(page.get_by_test_id("confirm-address")).to_have_count(0)


@pytest.mark.parametrize("scripts", [True, False])
def test_another_link_is_sent_from_the_page_that_says_where_to_look(
    open_page: Callable[..., Page], shop: Shop, scripts: bool
) -> None:
    page = open_page(java_script_enabled=scripts)
    email = register(page)
    first = shop.link_mailed_to(email)
    page.get_by_role("button", name="Send it again").click()
    expect(page.get_by_text(email)).to_be_visible()
    second = shop.link_mailed_to(email)
    assert second != first
    confirm(page, second)
    expect(page).to_have_url(re.compile("/account/loyalty$"))


@pytest.mark.parametrize("size", SIZES)
def test_on_another_device_the_link_asks_for_a_password(
    open_page: Callable[..., Page], shop: Shop, complaints: Complaints, size: dict[str, int]
) -> None:
    email = register(open_page())
    page = open_page(viewport=size)
    page.goto(shop.link_mailed_to(email))
    page.get_by_label("Password", exact=True).fill("short")
    page.get_by_role("button", name=CONFIRM).click()
    expect(page.locator("#password-error")).to_be_visible()
    assert page.evaluate(SIDEWAYS) == 0
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name=CONFIRM).click()
    expect(page).to_have_url(re.compile("/account/loyalty$"))
    elsewhere = open_page()
    sign_in(elsewhere, email)
    complaints.forgive(410, 422)


def test_a_used_link_says_so_and_how_to_go_on(page: Page, shop: Shop, complaints: Complaints) -> None:
    email = join(page)
    page.goto(shop.link_mailed_to(email))
    expect(page.get_by_role("heading", name="This link no longer works")).to_be_visible()
    page.get_by_role("link", name="Send me a new link").click()
    page.get_by_label("Email address").fill(email)
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_role("heading", name="Check your email")).to_be_visible()
    complaints.forgive(410, 422)


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("size", SIZES)
def test_who_has_not_confirmed_is_asked_on_the_hub(
    open_page: Callable[..., Page], complaints: Complaints, size: dict[str, int], scripts: bool
) -> None:
    page = open_page(viewport=size, java_script_enabled=scripts)
    email = register(page)
    sign_in(page, email)
    notice = page.get_by_test_id("confirm-address")
    expect(notice).to_contain_text(email)
    assert page.evaluate(SIDEWAYS) == 0
    notice.get_by_role("button", name="Send the link again").click()
    expect(page.get_by_test_id("flash")).to_contain_text(f"A link is on its way to {email}")
    page.goto("/account/referrals")
    page.get_by_test_id("invite-form").get_by_role("button", name="Invite").click()
    expect(page.get_by_test_id("flash")).to_contain_text("Confirm your address first")
    complaints.forgive(410, 422)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_on_the_way(open_page: Callable[..., Page], shop: Shop, theme: str) -> None:
    page, elsewhere = (open_page(color_scheme=theme, reduced_motion="reduce") for _ in range(2))
    email = register(page)
    elsewhere.goto(shop.link_mailed_to(email))
    findings = []
    for shown in (page, elsewhere):
        shown.evaluate(AXE.read_text(encoding="utf-8"))
        findings += shown.evaluate(GRAVE)
    page.goto("/register/again")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    findings += page.evaluate(GRAVE)
    sign_in(page, email)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    findings += page.evaluate(GRAVE)
    assert findings == []
