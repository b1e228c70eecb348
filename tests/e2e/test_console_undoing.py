"""Operators undo what was wrong, with scripts and without: a mistyped adjustment in two clicks, and what came back."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from portal.platform.web.application import Portal
from tests import databases
from tests.e2e.conftest import Visit
from tests.e2e.consoles import Programme, served

MEMBER = "/admin/members/demo-ada"


@pytest.fixture(scope="module")
def programme(servers: databases.Servers, app: Portal) -> Iterator[Programme]:
    """A portal with a year behind it and some trouble."""
    with served(servers, "undoing") as programme:
        yield programme


@pytest.mark.parametrize("scripts", [True, False])
def test_a_mistyped_adjustment_is_undone_in_two_clicks(visit: Visit, scripts: bool) -> None:
    page = visit("operator", java_script_enabled=scripts)
    page.goto(f"{MEMBER}/adjust")
    page.get_by_label("Points").first.fill("100000")
    page.get_by_label("Reason").fill("Typo")
    page.get_by_role("button", name="Adjust").click()
    expect(page.get_by_test_id("flash")).to_contain_text("The points are adjusted.")
    page.goto(f"{MEMBER}/ledger")
    before = page.get_by_test_id("row").count()
    wrong = page.get_by_test_id("row").first

    wrong.get_by_role("link", name="Take back").click()
    expect(page.get_by_text("All 100,000 that are left: Balance ")).to_be_visible()
    expect(page.get_by_role("textbox", name="Points")).to_have_value("100000")
    page.get_by_label("Reason").fill("It was a typo")
    page.get_by_role("button", name="Take back").click()

    expect(page.get_by_test_id("flash")).to_contain_text("The points are taken back.")
    expect(page.get_by_test_id("row").first).to_contain_text("Corrected by the shop")
    expect(page.get_by_test_id("row").nth(1).get_by_role("link", name="Take back")).to_have_count(0)
    assert page.get_by_test_id("row").count() >= before


@pytest.mark.parametrize("scripts", [True, False])
def test_what_was_handed_over_and_came_back_is_refunded(visit: Visit, scripts: bool) -> None:
    page = visit("operator", java_script_enabled=scripts)
    page.goto("/admin/redemptions?status=fulfilled")
    page.get_by_test_id("row").first.get_by_role("link").first.click()
    page.get_by_role("link", name="Refund").click()
    expect(page.get_by_text("The balance goes from ")).to_be_visible()
    page.get_by_label("Reason").fill("Came back unopened")
    page.get_by_role("button", name="Refund").click()

    expect(page.get_by_test_id("flash")).to_contain_text("The request is refunded.")
    expect(page.get_by_role("link", name="Refund")).to_have_count(0)
    expect(page.get_by_text("Given back")).to_be_visible()
