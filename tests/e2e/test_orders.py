"""An order of a Gold member in the browser: on its way, then on the account, with its sentence, on every screen."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from portal import ledger
from portal.accounts.models import User
from portal.platform import clock
from portal.platform.db import unit_of_work
from tests.e2e.conftest import Shop
from tests.e2e.people import join_with_points
from tests.factories.accounts import bearer, make_token
from tests.factories.loyalty import RULES

BASE = "/api/v1/loyalty"
RULE = {"name": "Parcels", "kind": "spend", "points": 1, "perAmount": 100, "channels": ["parcel"], "pendingDays": 14}
SENTENCE = "48 points: 1 for every €1.00 of €32.40, times 1.5 because you are Gold; shipping earns nothing."


def tell(shop: Shop, email: str, reference: str) -> None:
    """Tell of an order of 32.40 and its shipping, as the shop does; its points wait for two weeks."""
    with shop.app.app_context(), unit_of_work() as session:
        user_id = session.scalars(select(User.id).where(User.email == email)).one()
        headers = bearer(make_token(session, "admin"))
    now = clock.now().isoformat()
    lines = [{"lineId": "1", "amount": 3240}, {"lineId": "2", "kind": "shipping", "amount": 490}]
    order = {"userId": user_id, "currency": "EUR", "placedAt": now, "status": "paid", "channel": "parcel"}
    client = shop.app.test_client()
    rule = client.put(f"{BASE}/earning-rules/parcels", json={**RULE, "priority": 9}, headers=headers)
    assert rule.status_code in (200, 201)
    told = client.put(f"{BASE}/orders/{reference}", json={**order, "lines": lines}, headers=headers)
    assert told.json["order"]["points"]["pending"] == 48, told.text


def activate(shop: Shop) -> None:
    with shop.app.app_context(), unit_of_work() as session:
        assert ledger.activate_due(session, clock.now() + timedelta(days=14), rules=RULES)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_an_order_of_a_gold_member_is_on_its_way_then_explained(
    open_page: Callable[..., Page], shop: Shop, scheme: Any, width: int
) -> None:
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 900})
    email = join_with_points(page, shop, 5000)
    reference = f"P-{width}-{scheme}"
    tell(shop, email, reference)
    page.reload()
    expect(page.get_by_test_id("balance-pending")).to_have_text("48")
    expect(page.get_by_test_id("pending-next")).to_contain_text(f"for order {reference}")
    expect(page.get_by_test_id("balance-available")).to_have_attribute("data-value", "5000")
    activate(shop)
    page.reload()
    expect(page.get_by_test_id("balance-pending")).to_have_count(0)
    expect(page.get_by_test_id("balance-available")).to_have_attribute("data-value", "5048")
    page.get_by_test_id("why").first.click()
    expect(page.get_by_test_id("explanation")).to_contain_text(SENTENCE)
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
