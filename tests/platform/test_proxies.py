"""A proxy that nobody declared is said in production: by the log, `/readyz` and the console's home."""

import logging
from collections.abc import Callable, Iterator

import pytest
from flask.testing import FlaskClient

from portal.platform.db import unit_of_work
from portal.platform.queue import client as redis
from portal.platform.web import proxies
from portal.platform.web.application import Portal
from tests import databases
from tests.factories.accounts import make_user, sign_in

Make = Callable[..., Portal]


@pytest.fixture
def make(servers: databases.Servers, app: Portal) -> Iterator[Make]:
    """Makes processes of one instance; it is forgotten again what they have seen."""

    def process(**settings: object) -> Portal:
        values = {"portal_env": "production", "secret_key": databases.SECRET, **settings}
        return databases.make_app(servers, servers.url(servers.name("main")), **values)

    with app.app_context():
        redis().delete(proxies.KEY)
    yield process
    with app.app_context():
        redis().delete(proxies.KEY)


def warnings(client: FlaskClient) -> list[str]:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    found: list[str] = answer.get_json().get("warnings", [])
    return found


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Forwarded-Proto", "X-Real-Ip"])
def test_a_forwarded_request_is_said_once_in_the_log_and_by_every_process(
    make: Make, caplog: pytest.LogCaptureFixture, header: str
) -> None:
    here, other = make(), make()
    logging.getLogger().addHandler(caplog.handler)
    assert warnings(other.test_client()) == []
    for _ in range(3):
        here.test_client().get("/healthz", headers={header: "for=198.51.100.7"})
    assert warnings(here.test_client()) == ["undeclared_proxy"]
    assert warnings(other.test_client()) == ["undeclared_proxy"]
    assert [record.message for record in caplog.records].count(proxies.WARNING) == 1


@pytest.mark.parametrize("settings", [{"trusted_proxies": 1}, {"portal_env": "development"}])
def test_a_declared_proxy_and_development_are_nothing_to_say(make: Make, settings: dict[str, object]) -> None:
    client = make(**settings).test_client()
    client.get("/healthz", headers={"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Proto": "http"})
    assert warnings(client) == []


def test_a_request_without_a_proxy_is_nothing_to_say(make: Make) -> None:
    client = make().test_client()
    client.get("/healthz", headers={"X-Forwarded-Something": "1", "Via": "1.1 shop"})
    assert warnings(client) == []


def test_the_process_that_saw_it_says_so_while_redis_is_away(make: Make) -> None:
    client = make(redis_url="redis://127.0.0.1:1").test_client()
    client.get("/healthz", headers={"X-Forwarded-For": "198.51.100.7"})
    assert warnings(client) == ["undeclared_proxy"]


def test_the_consoles_home_says_what_to_do(committed_app: Portal, servers: databases.Servers) -> None:
    own = databases.make_app(servers, servers.url(servers.name("race")), portal_env="production")
    with own.app_context():
        with unit_of_work() as session:
            browser = own.test_client()
            sign_in(browser, make_user(session, role="operator"))
        try:
            secure = {"base_url": "https://localhost"}
            assert "TRUSTED_PROXIES" not in browser.get("/admin/", **secure).text
            browser.get("/healthz", headers={"X-Forwarded-For": "198.51.100.7"})
            assert "TRUSTED_PROXIES" in browser.get("/admin/", **secure).text
        finally:
            redis().delete(proxies.KEY)
            databases.dispose(own)
