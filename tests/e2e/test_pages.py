"""Every page on every screen: nothing to scroll sideways to, and nothing that axe finds seriously wrong."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.e2e.conftest import AXE, Shop
from tests.e2e.people import join_with_points

OPEN_PAGES = ["/", "/login", "/register", "/password/forgot", "/docs/operating", "/docs/settings"]
MEMBER_PAGES = ["/account/loyalty", "/account/referrals", "/account/preferences", "/checkout/success?order=A-1001"]
LONG_NAME = "Wolfeschlegelsteinhausenbergerdorff-Featherstonehaugh"
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
GRAVE = """async () => (await axe.run()).violations
    .filter((found) => ["serious", "critical"].includes(found.impact))
    .map((found) => `${found.id}: ${found.nodes.map((node) => node.target).join(", ")}`)"""


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_no_page_scrolls_sideways(open_page: Callable[..., Page], shop: Shop, width: int) -> None:
    page = open_page(viewport={"width": width, "height": 800})
    overflow = {}

    for path in OPEN_PAGES:
        page.goto(path)
        overflow[path] = page.evaluate(SIDEWAYS)
    join_with_points(page, shop, 1_000_000, name=LONG_NAME)
    for path in MEMBER_PAGES:
        page.goto(path)
        overflow[path] = page.evaluate(SIDEWAYS)

    assert overflow == dict.fromkeys(overflow, 0)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(open_page: Callable[..., Page], shop: Shop, theme: str) -> None:
    page = open_page(color_scheme=theme, reduced_motion="reduce")
    findings = {}

    def examine(path: str) -> None:
        page.goto(path)
        page.evaluate(AXE.read_text(encoding="utf-8"))
        findings[path] = page.evaluate(GRAVE)

    for path in OPEN_PAGES:
        examine(path)
    join_with_points(page, shop, 1240)
    for path in MEMBER_PAGES:
        examine(path)

    assert findings == {path: [] for path in findings}


def test_the_chosen_theme_is_remembered(page: Page) -> None:
    page.goto("/")
    before = page.locator("html").get_attribute("data-bs-theme")

    page.get_by_role("button", name="Switch between light and dark").click()
    page.reload()

    assert page.locator("html").get_attribute("data-bs-theme") != before


def test_the_first_tab_stop_skips_to_the_content(page: Page) -> None:
    page.goto("/")

    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    assert page.url.endswith("#content")
