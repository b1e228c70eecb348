"""`/unsubscribe/{token}`: one click ends marketing messages, following the link alone does not (RFC 8058)."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.accounts.preferences import get_consent
from portal.notifications.suppressions import hash_address, is_suppressed
from portal.notifications.unsubscribe import make_token
from tests.factories.accounts import make_user


def test_get_shows_a_page_and_changes_nothing(client: FlaskClient, session: Session) -> None:
    user = make_user(session, marketing_messages=True)
    page = client.get(f"/unsubscribe/{make_token('user', user.id)}")
    assert page.status_code == 200
    assert "Unsubscribe?" in page.text
    assert get_consent(session, user.id)


@pytest.mark.parametrize("times", [1, 2])
def test_post_works_without_cookie_and_csrf_and_as_often_as_one_likes(
    client: FlaskClient, session: Session, times: int
) -> None:
    user = make_user(session, marketing_messages=True)
    for _ in range(times):
        answer = client.post(f"/unsubscribe/{make_token('user', user.id)}", data={"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
        assert "No more messages" in answer.text
    assert not get_consent(session, user.id)


def test_somebody_who_was_invited_gets_no_more_invitations(client: FlaskClient, session: Session) -> None:
    token = make_token("email", hash_address("email", "Grace.Hopper+x@gmail.com").hex())
    assert client.post(f"/unsubscribe/{token}").status_code == 200
    assert is_suppressed(session, "email", "gracehopper@gmail.com")
    assert not is_suppressed(session, "email", "ada@gmail.com")


@pytest.mark.parametrize("token", ["nonsense", "WyJ1c2VyIiwiYWRhIl0.forged"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_link_that_we_have_not_made_is_not_found(client: FlaskClient, token: str, method: str) -> None:
    assert client.open(f"/unsubscribe/{token}", method=method).status_code == 404


def test_the_link_of_a_user_who_is_gone_does_no_harm(client: FlaskClient, session: Session) -> None:
    assert client.post(f"/unsubscribe/{make_token('user', 'gone')}").status_code == 200
