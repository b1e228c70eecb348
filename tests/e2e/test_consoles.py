"""Every page of the consoles, found by following links, as each role sees it and on each screen."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, ViewportSize

from portal.accounts.web.guards import Access
from portal.hub.demo.load import PASSWORD
from portal.platform.web.application import Portal
from tests import databases
from tests.e2e.conftest import AXE, Visit
from tests.e2e.consoles import EMAILS, Programme, served, sign_in, walk
from tests.e2e.test_pages import GRAVE, SIDEWAYS

SCREENS: dict[str, ViewportSize] = {
    "desk": {"width": 1280, "height": 800},
    "phone": {"width": 390, "height": 844},
    "small phone": {"width": 320, "height": 640},
}


@pytest.fixture(scope="module")
def programme(servers: databases.Servers, app: Portal) -> Iterator[Programme]:
    """Serve it on a free port."""
    with served(servers, "consoles") as programme:
        yield programme


def _sideways(page: Page) -> int:
    """How far the page can be scrolled sideways once its plots have followed the screen's new size, within a second."""
    for _ in range(10):
        wide: int = page.evaluate(SIDEWAYS)
        if not wide:
            break
        page.wait_for_timeout(100)
    return wide


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_fits_every_screen_and_reads_well(visit: Visit, programme: Programme, theme: str) -> None:
    page = visit(color_scheme=theme, reduced_motion="reduce")
    findings: dict[str, object] = {}

    def examine(name: str, path: str) -> None:
        page.evaluate(AXE.read_text(encoding="utf-8"))
        for screen, size in SCREENS.items():
            page.set_viewport_size(size)
            grave = page.evaluate(GRAVE) if screen != "small phone" else []
            wide = _sideways(page)
            if grave or wide:
                findings[f"{name} {screen} {path}"] = [grave, wide]

    sign_in(page, "admin")
    found = walk(page, programme, "admin", examine)

    assert findings == {}
    assert programme.pages() - found == set()


def test_operators_find_everything_but_what_admins_keep(visit: Visit, programme: Programme) -> None:
    page = visit()
    sign_in(page, "operator")

    found = walk(page, programme, "operator", lambda name, path: None)

    assert found == {name for name in programme.pages() if programme.access(name) is Access.CONSOLE}


def test_members_do_not_see_the_consoles(visit: Visit, programme: Programme) -> None:
    page = visit()
    rules = [rule for rule in programme.app.url_map.iter_rules() if rule.endpoint in programme.pages()]
    sign_in(page, "member")

    statuses = {rule.rule: page.request.get(rule.rule).status for rule in rules if not rule.arguments}

    assert statuses == dict.fromkeys(statuses, 404)


def test_strangers_are_sent_to_sign_in_and_back(visit: Visit) -> None:
    page = visit()
    page.goto("/admin/audit?actor=user%3Ax")
    assert urlsplit(page.url).path == "/login"

    page.get_by_label("Email address").fill(EMAILS["operator"])
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()

    page.wait_for_url("**/admin/audit?actor=user%3Ax")
