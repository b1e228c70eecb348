"""An operator writes an earning rule in a browser: sees the fields of its kind, tries a cart, saves, pauses."""

import itertools
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from portal.platform.db import unit_of_work
from tests.e2e.conftest import PASSWORD, Shop
from tests.e2e.people import sign_in
from tests.factories.accounts import make_user

_numbers = itertools.count(1)
RULES = "/admin/programme/earning-rules"
# By kind: some fields that its form shows, and some that it hides.
FIELDS = {
    "spend": (["points", "per_amount", "step"], ["multiplier", "stacks", "event_type"]),
    "item": (["points"], ["per_amount", "step", "multiplier"]),
    "multiplier": (["multiplier", "stacks"], ["points", "per_amount", "event_type"]),
    "event": (["points", "event_type"], ["per_amount", "multiplier"]),
    "birthday": (["points"], ["per_amount", "multiplier", "event_type"]),
}
GROUPS = {"spend": 6, "item": 6, "multiplier": 4, "event": 5, "birthday": 5}


@pytest.fixture(params=[True, False], ids=["with scripts", "without scripts"])
def page(request: pytest.FixtureRequest, open_page: Callable[..., Page], shop: Shop) -> Page:
    """A page of an operator."""
    with shop.app.app_context(), unit_of_work() as session:
        email = f"operator{next(_numbers)}@example.com"
        make_user(session, email=email, role="operator", password=PASSWORD)
    opened = open_page(java_script_enabled=request.param, reduced_motion="reduce")
    sign_in(opened, email)
    return opened


def test_a_form_shows_the_fields_of_the_kind_that_is_chosen(page: Page) -> None:
    page.goto("/admin/programme/new-earning-rule")
    for kind, (shown, hidden) in FIELDS.items():
        page.locator("[name=kind]").select_option(kind)
        for name in shown:
            expect(page.locator(f"[name={name}]")).to_be_visible()
        for name in hidden:
            expect(page.locator(f"[name={name}]")).to_be_hidden()
        expect(page.locator(".rule__group:visible")).to_have_count(GROUPS[kind])


def test_a_rule_is_tried_on_a_cart_then_added_then_paused(page: Page) -> None:
    slug = f"tea-{next(_numbers)}"
    page.goto("/admin/programme/new-earning-rule")
    page.get_by_label("Id", exact=True).fill(slug)
    page.get_by_label("Name", exact=True).fill("Tea week")
    page.get_by_label("Points", exact=True).fill("3")
    page.get_by_label("For every").fill("1.00")
    page.locator("summary", has_text="For what").click()
    page.get_by_label("Categories", exact=True).fill("tea")
    page.locator("summary", has_text="Try a cart").click()
    page.get_by_label("Amount of line 1").fill("12.50")
    page.get_by_label("Categories of line 1").fill("tea")
    page.get_by_role("button", name="See what it earns").click()

    expect(page.locator(".outcome__points")).to_have_text(["12 points", "37 points"])
    expect(page.get_by_text("37 points: 3 for every €1.00 of €12.50")).to_be_in_viewport()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Tea week")
    page.get_by_label("Points", exact=True).fill("2")
    page.get_by_label("Reason").fill("the spring campaign")
    page.get_by_role("button", name="Add the rule").click()

    expect(page.get_by_test_id("flash")).to_contain_text("Tea week is saved.")
    page.locator(f"[data-key={slug}]").get_by_role("link", name="Tea week").click()
    page.get_by_role("link", name="Pause").click()
    expect(page.get_by_role("heading", name="Pause: Tea week?")).to_be_visible()
    page.get_by_label("Reason").last.fill("sold out")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_test_id("flash")).to_contain_text("Tea week is paused.")
    page.get_by_role("link", name="Versions").click()
    expect(page.get_by_test_id("row")).to_have_count(2)
    expect(page.get_by_test_id("row").first).to_contain_text("Active: yes → no.")


def test_what_is_wrong_is_shown_even_where_it_was_folded_or_of_another_kind(page: Page) -> None:
    page.goto(f"{RULES}/base")
    page.locator("summary", has_text="Limits").click()
    page.get_by_label("For one member").fill("many")
    page.locator("[name=kind]").select_option("multiplier")
    page.locator("[name=kind]").select_option("spend")
    page.get_by_label("Points for one order").fill("0")
    page.locator("[name=kind]").select_option("event")
    page.get_by_label("Reason").fill("as agreed")
    page.get_by_role("button", name="Save").click()

    expect(page.locator("[data-error-summary] li")).to_have_count(3)
    for name in ("event_type", "per_order", "member_most"):
        expect(page.locator(f"[name={name}]")).to_be_visible()
    page.locator("[data-error-summary]").get_by_role("link").last.click()
    expect(page).to_have_url(re.compile("#member_most$"))
    expect(page.get_by_label("For one member")).to_have_value("many")
