"""Every page of the consoles, found by following links, as each role sees it and on each screen."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize
from werkzeug.exceptions import HTTPException
from werkzeug.serving import make_server

from portal.accounts.guards import Access, access_of
from portal.core.db import db, unit_of_work
from portal.core.edge import Portal
from portal.hub.demo.load import PASSWORD, SIGN_INS, load_demo
from tests import databases
from tests.console.troubles import make_troubles
from tests.e2e.conftest import AXE, Quiet
from tests.e2e.test_pages import GRAVE, SIDEWAYS

EMAILS = {role: email for role, email, _, _ in SIGN_INS}
# What a page leads to: pages, and what is only fetched (downloads, and mails in frames of their own).
LINKS = """[...document.querySelectorAll('a[href^="/admin"]:not([download]), [formaction^="/admin"]')]
    .map((link) => link.getAttribute("href") ?? link.getAttribute("formaction"))"""
FETCHED = """[...document.querySelectorAll('a[download][href^="/admin"], iframe[src^="/admin"]')]
    .map((place) => place.getAttribute("href") ?? place.getAttribute("src"))"""
SCREENS: dict[str, ViewportSize] = {"desk": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}
Visit = Callable[..., Page]


@dataclass(frozen=True)
class Programme:
    """A portal with the demo's year behind it and some trouble, and the pages that only trouble leads to."""

    url: str
    app: Flask
    troubles: list[str]

    def endpoint(self, href: str) -> str | None:
        """The endpoint that a link leads to by GET."""
        try:
            return str(self.app.url_map.bind("").match(urlsplit(href).path, "GET")[0])
        except HTTPException:
            return None

    def access(self, name: str) -> Access | None:
        """Who may see it."""
        with self.app.app_context():
            return access_of(name)

    def pages(self) -> set[str]:
        """Every endpoint of the consoles that shows something."""
        rules = [rule for rule in self.app.url_map.iter_rules() if rule.rule.startswith("/admin")]
        return {rule.endpoint for rule in rules if "GET" in (rule.methods or ())}


@pytest.fixture(scope="module")
def programme(servers: databases.Servers, app: Portal) -> Iterator[Programme]:
    """Serve it on a free port."""
    application = databases.make_app(servers, servers.create("consoles"))
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    with application.app_context():
        load_demo(unit_of_work, application.config["SETTINGS"])
        with make_troubles(db.session()) as troubles:
            db.session.commit()
            thread.start()
            yield Programme(f"http://127.0.0.1:{server.server_port}", application, troubles)
            server.shutdown()
            thread.join()
        databases.dispose(application)


@pytest.fixture
def visit(browser: Browser, programme: Programme, watch: Callable[[Page], Page]) -> Iterator[Callable[..., Page]]:
    """Open a watched page of that portal, with the context's own options."""
    contexts: list[BrowserContext] = []

    def opened(**options: Any) -> Page:
        contexts.append(browser.new_context(base_url=programme.url, **options))
        return watch(contexts[-1].new_page())

    yield opened
    for context in contexts:
        context.close()


def sign_in(page: Page, role: str) -> None:
    page.goto("/login")
    page.get_by_label("Email address").fill(EMAILS[role])
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/admin/" if role != "member" else "**/account/loyalty")


def walk(page: Page, programme: Programme, role: str, examine: Callable[[str, str], None]) -> set[str]:
    """Follow links from the console's home, to each endpoint once; all that were found."""
    found: dict[str | None, str] = {"console.home": "/admin/"}
    fetched: set[str | None] = set()
    for path in programme.troubles:
        if role == "admin" or programme.access(programme.endpoint(path) or "") is Access.CONSOLE:
            found[programme.endpoint(path)] = path
    left = list(found)
    while left:
        name = left.pop(0)
        page.goto(found[name])
        examine(str(name), found[name])
        fetched |= {programme.endpoint(href) for href in page.evaluate(FETCHED)}
        for href in page.evaluate(LINKS):
            linked = programme.endpoint(href)
            assert linked is not None, f"{found[name]} links to {href}, which is not there"
            if linked not in found:
                found[linked] = href
                left.append(linked)
    return {str(name) for name in {*found, *fetched}}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_fits_every_screen_and_reads_well(visit: Visit, programme: Programme, theme: str) -> None:
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
