"""/healthz, /readyz and /metrics."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

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
def test_a_public_address_reads_no_metrics(client: FlaskClient, forged: dict[str, str]) -> None:
    assert client.get("/metrics", headers=forged, environ_overrides=PUBLIC).status_code in (401, 403, 404)


def test_a_token_reads_the_metrics_from_anywhere(client: FlaskClient, session: Session) -> None:
    headers = bearer(make_token(session, "admin"))
    assert client.get("/metrics", headers=headers, environ_overrides=PUBLIC).status_code == 200
    assert client.get("/metrics", headers=bearer("nonsense"), environ_overrides=PUBLIC).status_code == 401


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_health_is_read_only(client: FlaskClient, path: str) -> None:
    assert client.post(path).status_code == 405
