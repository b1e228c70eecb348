"""Probes."""

from flask.testing import FlaskClient

from tests.databases import Servers, make_app
from tests.factories.accounts import bearer


def test_healthz_answers_while_the_process_runs(client: FlaskClient) -> None:
    assert client.get("/healthz").get_json() == {"status": "ok"}


def test_readyz_checks_database_redis_and_migrations(client: FlaskClient) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.get_json() == {"status": "ok", "checks": {"database": "ok", "redis": "ok"}}


def test_an_unknown_api_route_is_a_problem_document(client: FlaskClient) -> None:
    answer = client.get("/api/v1/nowhere")
    assert (answer.status_code, answer.content_type) == (404, "application/problem+json")
    assert answer.get_json()["code"] == "not_found"


def test_without_its_database_the_portal_is_unavailable_and_says_so(servers: Servers) -> None:
    application = make_app(servers, "postgresql+psycopg://portal@127.0.0.1:1/portal")
    client = application.test_client()
    ready = client.get("/readyz")
    assert (ready.status_code, ready.get_json()["checks"]["database"]) == (503, "unreachable or not migrated")
    refused = client.get("/api/v1/loyalty/tiers", headers=bearer("lp_any"))
    assert (refused.status_code, refused.get_json()["code"]) == (503, "unavailable")
    assert client.get("/healthz").status_code == 200
