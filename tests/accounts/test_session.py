"""The session cookie: which row it names, and what ends it."""

from datetime import timedelta

from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.core import clock
from tests.factories.accounts import make_user, sign_in


def test_a_live_session_opens_pages(client: FlaskClient, session: Session) -> None:
    sign_in(client, make_user(session))
    assert client.get("/account/loyalty").status_code == 200


def test_an_expired_session_goes_to_the_sign_in_page(client: FlaskClient, session: Session) -> None:
    sign_in(client, make_user(session), expires_at=clock.now() - timedelta(seconds=1))
    answer = client.get("/account/loyalty?a=b")
    assert answer.status_code == 303
    assert answer.location == "/login?next=%2Faccount%2Floyalty%3Fa%3Db"
