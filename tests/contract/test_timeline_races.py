"""A walk of the timeline beside writers whose transactions really overlap."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask.testing import FlaskClient

from portal.accounts.models import User
from portal.platform.db import db
from portal.platform.web.application import Portal
from tests.contract.api import Api
from tests.contract.document import Document
from tests.contract.mailing import Mailing
from tests.contract.shop import Shop
from tests.factories.accounts import sign_in

PATH = "/app/api/loyalty/timeline"


@pytest.fixture
def shop(committed_app: Portal, document: Document) -> Shop:
    """The shop where commits are real; ann has a history of thirty events."""
    mailing = Mailing(committed_app, document)
    mailing.user()
    for _ in range(10):
        write(mailing.shop)
    return mailing.shop


@pytest.fixture
def browser(committed_app: Portal, shop: Shop) -> FlaskClient:
    """Ann's browser."""
    client = committed_app.test_client()
    with committed_app.app_context():
        sign_in(client, db.session.get_one(User, "ann"))
        db.session.commit()
    return client


def write(shop: Shop) -> None:
    """An event of each kind."""
    shop.credit("ann", 5)
    shop.redeem("ann", points=1)
    assert shop.api.post("/members/ann/referrals", {"channel": "link"}).status_code == 201


@contextmanager
def writers(app: Portal, like: Shop, number: int = 3) -> Iterator[None]:
    """Write events from several connections until the block is over, two hundred each at most."""
    over = threading.Event()

    def work() -> None:
        api = Api(app.test_client(), like.api.document)
        api.headers = like.api.headers
        for _ in range(200):
            if over.is_set():
                return
            write(Shop(api))

    threads = [threading.Thread(target=work) for _ in range(number)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def walk(browser: FlaskClient, limit: int) -> list[tuple[str, str]]:
    seen: list[tuple[str, str]] = []
    query = {"limit": str(limit)}
    while True:
        found = browser.get(PATH, query_string=query).get_json()
        seen += [(item["occurredAt"], item["id"]) for item in found["items"]]
        if not found["hasMore"]:
            return seen
        query["cursorToken"] = found["cursorToken"]


@pytest.mark.parametrize("limit", [1, 4])
def test_a_walk_beside_writers_misses_and_repeats_nothing(
    committed_app: Portal, shop: Shop, browser: FlaskClient, limit: int
) -> None:
    old = walk(browser, 100)
    with writers(committed_app, shop):
        seen = walk(browser, limit)
    assert len(set(seen)) == len(seen)
    assert [event for event in seen if event in set(old)] == old
    assert [time for time, _ in seen] == sorted((time for time, _ in seen), reverse=True)


def test_a_walk_from_the_start_after_the_writers_has_everything(
    committed_app: Portal, shop: Shop, browser: FlaskClient
) -> None:
    with writers(committed_app, shop):
        walk(browser, 2)
    whole = walk(browser, 100)
    assert walk(browser, 7) == whole
    entries = {entry["id"] for entry in shop.ledger("ann")}
    assert entries <= {event for _, event in whole}
