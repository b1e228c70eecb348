"""A portal with a year behind it, served for browsers, and the way through its consoles."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from playwright.sync_api import Page
from sqlalchemy.orm import Session
from werkzeug.exceptions import HTTPException
from werkzeug.serving import WSGIRequestHandler, make_server

from portal.accounts.web.guards import Access, access_of
from portal.hub.demo.load import PASSWORD, SIGN_INS, load_demo
from portal.platform.db import db, unit_of_work
from tests import databases
from tests.architecture.troubles import make_troubles

EMAILS = {role: email for role, email, _, _ in SIGN_INS}
# What a page leads to: pages, and what is only fetched (downloads, and mails in frames of their own).
LINKS = """[...document.querySelectorAll('a[href^="/admin"]:not([download]), [formaction^="/admin"]')]
    .map((link) => link.getAttribute("href") ?? link.getAttribute("formaction"))"""
FETCHED = """[...document.querySelectorAll('a[download][href^="/admin"], iframe[src^="/admin"]')]
    .map((place) => place.getAttribute("href") ?? place.getAttribute("src"))"""


class Quiet(WSGIRequestHandler):
    def log_request(self, *_: Any) -> None:
        """Say nothing: a failing test's page tells more than its list of requests."""


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


@contextmanager
def served(
    servers: databases.Servers, purpose: str, furnish: Callable[[Session], None] | None = None
) -> Iterator[Programme]:
    """Serve a portal on a free port and a database of its own, with what `furnish` adds."""
    application = databases.make_app(servers, servers.create(purpose))
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    with application.app_context():
        load_demo(unit_of_work, application.config["SETTINGS"])
        with make_troubles(db.session()) as troubles:
            if furnish is not None:
                furnish(db.session())
            db.session.commit()
            thread.start()
            yield Programme(f"http://127.0.0.1:{server.server_port}", application, troubles)
            server.shutdown()
            thread.join()
        databases.dispose(application)


def sign_in(page: Page, role: str) -> None:
    """Sign in as the demo's person of that role, ending on their first page."""
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
