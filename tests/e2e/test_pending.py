"""Points that wait, then count: on the hub, on a phone and at a desk, in light and dark."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from portal import ledger
from portal.accounts.models import User
from portal.ledger.models import EntryType
from portal.platform import clock
from portal.platform.db import unit_of_work
from tests.e2e.conftest import Shop
from tests.e2e.people import join_with_points
from tests.factories.loyalty import RULES, make_member

DUE = timedelta(days=14)


def reference(email: str, number: int) -> str:
    """An order's reference that no word ends."""
    return f"{email.partition('@')[0]}{number}".ljust(100, "A")


def put_aside(shop: Shop, email: str, orders: int) -> None:
    """Let a member wait for 48 points of each of so many orders."""
    now = clock.now()
    with shop.app.app_context(), unit_of_work() as session:
        member = make_member(session, session.scalars(select(User).where(User.email == email)).one())
        credits_of_orders = [
            ledger.PendingCredit(
                member.id,
                48,
                EntryType.ORDER,
                "order",
                reference(email, number),
                "base:1",
                now + DUE + timedelta(days=n),
                now,
            )
            for n, number in enumerate(range(1, orders + 1))
        ]
        ledger.put_aside(session, credits_of_orders, now)


def activate(shop: Shop) -> None:
    with shop.app.app_context(), unit_of_work() as session:
        assert ledger.activate_due(session, clock.now() + DUE, rules=RULES)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_points_are_on_the_way_and_then_to_spend(
    open_page: Callable[..., Page], shop: Shop, scheme: Any, width: int
) -> None:
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 900})
    email = join_with_points(page, shop, 100)
    expect(page.get_by_test_id("balance-pending")).to_have_count(0)
    put_aside(shop, email, 5)
    page.reload()
    expect(page.get_by_test_id("balance-pending")).to_have_text("240")
    expect(page.get_by_test_id("balance-available")).to_have_attribute("data-value", "100")
    first = page.get_by_test_id("pending-next").get_by_role("listitem").first
    expect(first).to_contain_text(f"for order {reference(email, 1)}")
    page.get_by_text("2 more").click()
    expect(page.get_by_text(f"for order {reference(email, 5)}")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    activate(shop)
    page.reload()
    expect(page.get_by_test_id("balance-pending")).to_have_text("192")
    expect(page.get_by_test_id("balance-available")).to_have_attribute("data-value", "148")
