"""Every page of the consoles, found by following links, as each role sees it and on each screen."""

import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter
from werkzeug.serving import make_server

from portal.accounts.guards import Access, access_of
from portal.core.db import db, unit_of_work
from portal.core.edge import Portal
from portal.hub.demo.load import PASSWORD, SIGN_INS, load_demo
from tests import databases
from tests.e2e.conftest import AXE, Quiet
from tests.e2e.test_pages import GRAVE, SIDEWAYS

EMAILS = {role: email for role, email, _, _ in SIGN_INS}
LINKS = """[...document.querySelectorAll('a[href^="/admin"]:not([download]), [formaction^="/admin"]')]
    .map((link) => link.getAttribute("href") ?? link.getAttribute("formaction"))"""
SCREENS: dict[str, ViewportSize] = {"desk": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}
Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def programme(servers: databases.Servers, app: Portal) -> Iterator[tuple[str, Flask]]:
    """A portal with the demo's year behind it: its address and the application."""
    application = databases.make_app(servers, servers.create("consoles"))
    with application.app_context():
        load_demo(unit_of_work, application.config["SETTINGS"])
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", application
    server.shutdown()
    thread.join()
    with application.app_context():
        db.engine.dispose()


@pytest.fixture
def visit(
    browser: Browser, programme: tuple[str, Flask], watch: Callable[[Page], Page]
) -> Iterator[Callable[..., Page]]:
    """Open a watched page of that portal, with the context's own options."""
    contexts: list[BrowserContext] = []

    def opened(**options: Any) -> Page:
        contexts.append(browser.new_context(base_url=programme[0], **options))
        return watch(contexts[-1].new_page())

    yield opened
    for context in contexts:
        context.close()


def endpoint(urls: MapAdapter, href: str) -> str | None:
    """The endpoint that a link leads to by GET."""
    try:
        return str(urls.match(urlsplit(href).path, "GET")[0])
    except HTTPException:
        return None


def sign_in(page: Page, role: str) -> None:
    page.goto("/login")
    page.get_by_label("Email address").fill(EMAILS[role])
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/admin/" if role != "member" else "**/account/loyalty")


def walk(page: Page, app: Flask, examine: Callable[[str, str], None]) -> dict[str, str]:
    """Follow links from the console's home, to each endpoint once; where each was found."""
    urls = app.url_map.bind("")
    found: dict[str, str] = {"console.home": "/admin/"}
    left = ["console.home"]
    while left:
        name = left.pop(0)
        page.goto(found[name])
        examine(name, found[name])
        for href in page.evaluate(LINKS):
            linked = endpoint(urls, href)
            assert linked is not None, f"{found[name]} links to {href}, which is not there"
            if linked not in found:
                found[linked] = href
                left.append(linked)
    return found


def pages(app: Flask) -> set[str]:
    """Every endpoint of the consoles that shows a page."""
    rules = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/admin")]
    return {rule.endpoint for rule in rules if "GET" in (rule.methods or ())}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_fits_every_screen_and_reads_well(visit: Visit, programme: tuple[str, Flask], theme: str) -> None:
    page = visit(color_scheme=theme, reduced_motion="reduce")
    findings: dict[str, object] = {}

    def examine(name: str, path: str) -> None:
        page.evaluate(AXE.read_text(encoding="utf-8"))
        for screen, size in SCREENS.items():
            page.set_viewport_size(size)
            grave, wide = page.evaluate(GRAVE), page.evaluate(SIDEWAYS)
            if grave or wide:
                findings[f"{name} {screen} {path}"] = [grave, wide]

    sign_in(page, "admin")
    found = walk(page, programme[1], examine)

    assert findings == {}
    assert pages(programme[1]) - set(found) == set()


def test_operators_find_everything_but_what_admins_keep(visit: Visit, programme: tuple[str, Flask]) -> None:
    page, refused = visit(), []
    sign_in(page, "operator")

    found = walk(page, programme[1], lambda name, path: None)

    with programme[1].app_context():
        for name in pages(programme[1]):
            if access_of(name) is Access.CONSOLE_OWNER:
                refused.append(name)
    assert set(found) == pages(programme[1]) - set(refused)


def test_members_do_not_see_the_consoles(visit: Visit, programme: tuple[str, Flask]) -> None:
    page = visit()
    urls = [rule.rule for rule in programme[1].url_map.iter_rules() if rule.rule.startswith("/admin")]
    sign_in(page, "member")

    statuses = {path: page.request.get(path).status for path in urls if "<" not in path}

    assert statuses == dict.fromkeys(statuses, 404)


def test_strangers_are_sent_to_sign_in_and_back(visit: Visit) -> None:
    page = visit()
    page.goto("/admin/audit?actor=user%3Ax")
    assert urlsplit(page.url).path == "/login"

    page.get_by_label("Email address").fill(EMAILS["operator"])
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()

    page.wait_for_url("**/admin/audit?actor=user%3Ax")
