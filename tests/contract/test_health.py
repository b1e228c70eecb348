"""/healthz, /readyz and /metrics."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.platform.web.application import Portal
from tests import databases
from tests.factories.accounts import bearer, make_token

PUBLIC = {"REMOTE_ADDR": "8.8.8.8"}


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_is_open(client: FlaskClient, path: str) -> None:
    answer = client.get(path, environ_overrides=PUBLIC)
    assert (answer.status_code, answer.mimetype) == (200, "application/json")


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "192.168.1.1", "::1"])
def test_a_private_address_reads_the_metrics(client: FlaskClient, address: str) -> None:
    answer = client.get("/metrics", environ_overrides={"REMOTE_ADDR": address})
    assert (answer.status_code, answer.mimetype) == (200, "text/plain")
    assert "# HELP" in answer.get_data(as_text=True)


@pytest.mark.parametrize("forged", [{}, {"X-Forwarded-For": "127.0.0.1"}, {"X-Real-Ip": "127.0.0.1"}])
def test_a_public_address_without_credentials_is_401(client: FlaskClient, forged: dict[str, str]) -> None:
    answer = client.get("/metrics", headers=forged, environ_overrides=PUBLIC)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("address", ["", "unknown", "10.0.0.1:5000", "::ffff:8.8.8.8", "0.0.0.0", "::"])
def test_what_is_no_private_address_reads_no_metrics(client: FlaskClient, address: str) -> None:
    assert client.get("/metrics", environ_overrides={"REMOTE_ADDR": address}).status_code == 401


def test_an_undeclared_proxy_lends_its_private_address_to_nobody(servers: databases.Servers, app: Portal) -> None:
    through = {"X-Forwarded-For": "8.8.8.8"}
    assert app.test_client().get("/metrics", headers=through).status_code == 401
    declared = databases.make_app(servers, servers.url(servers.name("main")), trusted_proxies=1).test_client()
    assert declared.get("/metrics", headers=through).status_code == 401
    assert declared.get("/metrics", headers={"X-Forwarded-For": "10.1.2.3"}).status_code == 200


def test_the_metrics_token_reads_from_anywhere(servers: databases.Servers, app: Portal) -> None:
    secret = "a token of at least 32 characters for metrics"
    own = databases.make_app(servers, servers.url(servers.name("main")), metrics_token=secret)
    anywhere = own.test_client()
    assert anywhere.get("/metrics", headers=bearer(secret), environ_overrides=PUBLIC).status_code == 200
    assert anywhere.get("/metrics", headers=bearer(secret[:-1]), environ_overrides=PUBLIC).status_code in (401, 403)


def test_the_scope_admin_reads_the_metrics_from_anywhere(client: FlaskClient, session: Session) -> None:
    headers = bearer(make_token(session, "admin"))
    assert client.get("/metrics", headers=headers, environ_overrides=PUBLIC).status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_health_is_read_only(client: FlaskClient, path: str) -> None:
    assert client.post(path).status_code == 405
