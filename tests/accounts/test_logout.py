"""/logout."""

from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories.accounts import csrf, make_user, sign_in


def test_a_link_asks_first(client: FlaskClient, session: Session) -> None:
    sign_in(client, make_user(session))
    page = client.get("/logout")
    assert page.status_code == 200
    assert '<form class="stack" method="post"' in page.text
    assert client.get("/account/loyalty").status_code == 200


def test_signing_out_ends_the_session_for_copies_of_the_cookie_too(client: FlaskClient, session: Session) -> None:
    row = sign_in(client, make_user(session))
    with client.session_transaction() as cookie:
        copied = dict(cookie)
    answer = client.post("/logout", data={"csrf_token": csrf(client)})
    assert (answer.status_code, answer.location) == (303, "/")
    assert row.revoked_at is not None
    with client.session_transaction() as cookie:
        cookie.update(copied)
    assert client.get("/account/loyalty").status_code == 303


def test_signing_out_needs_the_token(client: FlaskClient, session: Session) -> None:
    sign_in(client, make_user(session))
    assert client.post("/logout").status_code == 400
    assert client.get("/account/loyalty").status_code == 200


def test_who_is_not_signed_in_goes_home(client: FlaskClient) -> None:
    assert client.post("/logout", data={"csrf_token": csrf(client)}).location == "/"
    assert client.delete("/logout").status_code == 405


def test_the_browser_forgets_the_pages_and_keeps_its_notifications(client: FlaskClient, session: Session) -> None:
    sign_in(client, make_user(session))
    answer = client.post("/logout", data={"csrf_token": csrf(client)})
    assert answer.headers["Clear-Site-Data"] == '"cache"'
