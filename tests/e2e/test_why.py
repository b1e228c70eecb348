"""“Why?” on the hub and in the console: in the dialog with scripts, on a page of its own without."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from portal.accounts.models import User
from portal.platform.db import unit_of_work
from tests.e2e.conftest import Shop
from tests.e2e.people import join_with_points

SENTENCE = "48 points for an order. Good until 31 Dec 2099."


def promote(shop: Shop, email: str) -> str:
    """Make an operator of a member; their user id."""
    with shop.app.app_context(), unit_of_work() as session:
        user = session.scalars(select(User).where(User.email == email)).one()
        user.role = "operator"
        return user.id


def ask_why(page: Page, scripts: bool, own_page: str, back: str) -> None:
    """Open the explanation of the only point change, and leave it again."""
    link = page.get_by_test_id("why")
    before = page.url
    link.click()
    expect(page.get_by_test_id("explanation")).to_have_text(SENTENCE)
    if scripts:
        expect(page).to_have_url(before)
        expect(page.get_by_role("dialog").get_by_role("heading")).to_be_focused()
        page.get_by_role("link", name="Close").click()
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(link).to_be_focused()
    else:
        expect(page).to_have_url(re.compile(own_page))
        page.get_by_role("link", name=back).click()
        expect(link).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False])
def test_a_member_asks_why(open_page: Callable[..., Page], shop: Shop, scripts: bool) -> None:
    page = open_page(java_script_enabled=scripts)
    join_with_points(page, shop, 48)
    ask_why(page, scripts, "/account/loyalty/points/", "Back to the history")


@pytest.mark.parametrize("scripts", [True, False])
def test_an_operator_asks_why(open_page: Callable[..., Page], shop: Shop, scripts: bool) -> None:
    page = open_page(java_script_enabled=scripts)
    user_id = promote(shop, join_with_points(page, shop, 48))
    page.goto(f"/admin/members/{user_id}/ledger")
    ask_why(page, scripts, f"/admin/members/{user_id}/ledger/", "Back to their points")
