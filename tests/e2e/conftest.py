"""A shop served for real, and browsers that fail a test when a page complains in its console."""

import re
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response
from sqlalchemy import select
from werkzeug.serving import make_server

from portal.accounts.models import User
from portal.notifications.models import Message
from portal.platform.db import db, unit_of_work
from portal.platform.outbox import deliver
from portal.platform.web.application import Portal
from tests import databases
from tests.e2e.consoles import Programme, Quiet, sign_in
from tests.factories.loyalty import make_member, make_reward, make_tier

PASSWORD = "correct horse battery staple"
AXE = Path(__file__).parents[2] / "static" / "node_modules" / "axe-core" / "axe.min.js"


@dataclass(frozen=True)
class Shop:
    """A running portal with tiers and rewards, and what its staff can do."""

    url: str
    app: Portal

    def credit(self, email: str, points: int) -> None:
        """Give a registered member points, as an order does."""
        with self.app.app_context(), unit_of_work() as session:
            user = session.scalar(select(User).where(User.email == email))
            assert user is not None, f"{email} has not registered"
            make_member(session, user, points=points)

    def link_mailed_to(self, email: str) -> str:
        """The path of the newest link in the mail of an address, as the preview inbox has it."""
        with self.app.app_context():
            deliver()
            mine = select(Message.body_text).where(Message.recipient == email, Message.kind == "verify_address")
            body = db.session.scalar(mine.order_by(Message.id.desc()).limit(1)) or ""
        found = re.search(r"/register/confirm/\S+", body)
        assert found is not None, f"{email} has got no link"
        return found[0]


Visit = Callable[..., Page]
# The shops that are served now, by their address.
SHOPS: dict[str, Shop] = {}


def _stock(app: Portal) -> None:
    with app.app_context(), unit_of_work() as session:
        make_tier(session, "bronze", 0, benefits=[{"kind": "birthday", "label": "A birthday treat"}])
        more = {"kind": "earn_multiplier", "label": "1.5 points for every euro", "value": "1.5"}
        make_tier(session, "gold", 5_000, benefits=[{"kind": "returns", "label": "Free returns"}, more])
        make_reward(session, "espresso", 300, name="Any coffee, on us", description="Espresso to oat flat white.")
        make_reward(session, "plant", 90_000, name="Desk plant with pot")
        make_reward(session, "tasting", 200, name="Private tasting", min_tier="gold")


@pytest.fixture(scope="session")
def shop(servers: databases.Servers, app: Portal) -> Iterator[Shop]:
    """The portal on a database of its own, answering on a free port."""
    application = databases.make_app(servers, servers.create("e2e"))
    _stock(application)
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    SHOPS[url] = Shop(url, application)
    yield SHOPS[url]
    del SHOPS[url]
    server.shutdown()
    thread.join()
    with application.app_context():
        db.engine.dispose()


@pytest.fixture(scope="session")
def base_url(shop: Shop) -> str:
    """Pages are named by their path."""
    return shop.url


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The system's Chromium, which may run as root in a container."""
    return {**browser_type_launch_args, "executable_path": shutil.which("chromium"), "args": ["--no-sandbox"]}


class Complaints(list[tuple[str, str]]):
    """What pages said of errors and broken policies, each with the address that it is about.

    A browser reports every answer of 4xx; that to an act (no GET) is how a form is refused, and no error.
    """

    def __init__(self) -> None:
        super().__init__()
        self.refused: set[str] = set()

    def unexpected(self) -> list[str]:
        """All of them but those of refused acts."""
        return [words for words, about in self if not ("Failed to load resource" in words and about in self.refused)]

    def forgive(self, *statuses: int) -> None:
        """Forget the answers of these statuses: the test has asked for them."""
        self[:] = [one for one in self if not any(f"status of {status}" in one[0] for status in statuses)]


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    """What the watched pages said of errors and broken policies: a test that leaves any here fails."""
    heard = Complaints()
    yield heard
    assert heard.unexpected() == []


@pytest.fixture
def watch(complaints: Complaints) -> Callable[[Page], Page]:
    """Listen to a page: its console's errors (a broken content policy is one) and its uncaught exceptions."""

    def listen(page: Page) -> Page:
        def hear(message: ConsoleMessage) -> None:
            if message.type == "error":
                complaints.append((f"{page.url}: {message.text}", message.location["url"]))

        def note(answer: Response) -> None:
            if 400 <= answer.status < 500 and answer.request.method != "GET":
                complaints.refused.add(answer.url)

        page.on("console", hear)
        page.on("response", note)
        page.on("pageerror", lambda error: complaints.append((f"{page.url}: {error}", "")))
        return page

    return listen


@pytest.fixture
def page(page: Page, watch: Callable[[Page], Page]) -> Page:
    """A watched page, in a context of its own."""
    return watch(page)


@pytest.fixture
def open_page(browser: Browser, base_url: str, watch: Callable[[Page], Page]) -> Iterator[Callable[..., Page]]:
    """Open a watched page with its own context options, such as `java_script_enabled=False`."""
    contexts: list[BrowserContext] = []

    def opened(**options: Any) -> Page:
        contexts.append(browser.new_context(base_url=base_url, **options))
        return watch(contexts[-1].new_page())

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def visit(browser: Browser, programme: Programme, watch: Callable[[Page], Page]) -> Iterator[Visit]:
    """Open a watched page of the module's `programme`, with its own context options; signed in, if a role is named."""
    contexts: list[BrowserContext] = []

    def opened(role: str = "", **options: Any) -> Page:
        contexts.append(browser.new_context(base_url=programme.url, **options))
        page = watch(contexts[-1].new_page())
        if role:
            sign_in(page, role)
        return page

    yield opened
    for context in contexts:
        context.close()
