"""The CSRF token: demanded of everything that leans on a cookie, of nothing that brings a token."""

from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories.accounts import bearer, csrf, make_token, make_user, sign_in

PATH, BODY = "/api/v1/users/ada", {"email": "ada@example.com", "name": "Ada"}


def test_a_script_without_the_token_is_refused(client: FlaskClient, session: Session) -> None:
    sign_in(client, make_user(session, role="admin"))
    answer = client.put(PATH, json=BODY)
    assert (answer.status_code, answer.get_json()["code"]) == (400, "csrf_failed")
    assert answer.content_type == "application/problem+json"


def test_a_script_sends_it_in_a_header(client: FlaskClient, session: Session) -> None:
    sign_in(client, make_user(session, role="admin"))
    assert client.put(PATH, json=BODY, headers={"X-CSRFToken": csrf(client)}).status_code == 201


def test_a_token_of_another_session_is_refused(client: FlaskClient, session: Session) -> None:
    user = make_user(session, role="admin")
    sign_in(client, user)
    csrf(client)
    stranger = client.application.test_client()
    sign_in(stranger, user)
    for token in (csrf(stranger), "nonsense", ""):
        answer = client.put(PATH, json=BODY, headers={"X-CSRFToken": token})
        assert answer.get_json()["code"] == "csrf_failed"


def test_a_service_needs_none(client: FlaskClient, session: Session) -> None:
    assert client.put(PATH, json=BODY, headers=bearer(make_token(session, "admin"))).status_code == 201


def test_nobody_is_asked_for_credentials_first(client: FlaskClient) -> None:
    answer = client.put(PATH, json=BODY)
    assert (answer.status_code, answer.get_json()["code"]) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_over_https_the_referrer_must_be_this_site(client: FlaskClient, session: Session) -> None:
    token = csrf(client)
    for referrer, status in (("https://evil.test/", 400), ("https://localhost/login", 422)):
        answer = client.post(
            "/login", data={"csrf_token": token}, base_url="https://localhost", headers={"Referer": referrer}
        )
        assert answer.status_code == status
