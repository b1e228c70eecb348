"""What a person does first on most pages."""

import itertools
import re
from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

from tests.e2e.conftest import PASSWORD, SHOPS, Shop

_numbers = itertools.count(1)


def register(page: Page, name: str = "Ada Lovelace") -> str:
    """Register through the page, ending where it says that a link was mailed; the email address used."""
    email = f"ada{next(_numbers)}@example.com"
    page.goto("/register")
    page.get_by_label("Your name").fill(name)
    page.get_by_label("Email address").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Join for free").click()
    expect(page).to_have_url(re.compile("/register/sent$"))
    return email


def shop_of(page: Page) -> Shop:
    """The shop that a page is of."""
    parts = urlsplit(page.url)
    return SHOPS[f"{parts.scheme}://{parts.netloc}"]


def confirm(page: Page, link: str) -> None:
    """Open a link to confirm an address; without scripts its page has a button for what they do by themselves."""
    by_itself = page.evaluate("matchMedia('(scripting: enabled)').matches")
    page.goto(link, wait_until="commit")
    if not by_itself:
        page.get_by_role("button", name="Confirm and go to my rewards").click()


def join(page: Page, name: str = "Ada Lovelace") -> str:
    """Register through the page and follow the mailed link, ending on the hub; the email address used."""
    email = register(page, name)
    confirm(page, shop_of(page).link_mailed_to(email))
    expect(page).to_have_url(re.compile("/account/loyalty$"))
    page.wait_for_load_state()  # what is clicked before scripts run is a plain link
    return email


def join_with_points(page: Page, shop: Shop, points: int, name: str = "Ada Lovelace") -> str:
    """Register, get points from an order, and look at the hub."""
    email = join(page, name)
    shop.credit(email, points)
    page.goto("/account/loyalty")
    return email


def sign_in(page: Page, email: str) -> None:
    """Sign in through the page."""
    page.goto("/login")
    page.get_by_label("Email address").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page).not_to_have_url(re.compile("/login"))
    page.wait_for_load_state()


def sign_out(page: Page) -> None:
    """Sign out through the account menu, ending on the front page."""
    page.locator("summary", has_text="Your account").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_test_id("flash")).to_contain_text("signed out")


def expect_refusal(page: Page, *, scripts: bool = True) -> None:
    """A form on a page of its own has come back; its scripts have moved to what is wrong, so nothing shifts now."""
    summary = page.locator("[data-error-summary]")
    expect(summary).to_be_visible()
    if scripts:
        expect(summary).to_be_focused()
