"""What a browser may keep: nothing of the pages somebody signed in sees, and by ETag what is polled."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories.accounts import make_user, sign_in

DOORS = ["/login", "/register", "/logout", "/password/forgot", "/password/sent", "/password/reset/x"]


@pytest.mark.parametrize(
    "path", ["/", "/account/loyalty", "/account/referrals", "/account/preferences", "/admin/", "/admin/members"]
)
def test_a_page_of_somebody_signed_in_is_not_stored(client: FlaskClient, session: Session, path: str) -> None:
    sign_in(client, make_user(session, role="admin" if path.startswith("/admin") else "member"))
    answer = client.get(path, follow_redirects=True)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")


@pytest.mark.parametrize("path", DOORS)
def test_doors_are_stored_by_nobody(client: FlaskClient, path: str) -> None:
    assert client.get(path).headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/api/v1/loyalty/ledger", {}),
        ("/api/v1/loyalty/nudges", {}),
        ("/app/api/loyalty/timeline", {}),
        ("/app/api/loyalty/timeline", {"HX-Request": "true"}),
        ("/account/loyalty/for-you", {"HX-Request": "true"}),
    ],
)
def test_what_is_polled_is_kept_by_its_own_browser_and_asked_for_anew(
    client: FlaskClient, session: Session, path: str, headers: dict[str, str]
) -> None:
    sign_in(client, make_user(session))
    first = client.get(path, headers=headers)
    assert first.headers["Cache-Control"] == "private, no-cache"
    again = client.get(path, headers={**headers, "If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304


def test_what_everybody_sees_may_be_asked_for_anew(client: FlaskClient) -> None:
    assert client.get("/").headers["Cache-Control"] == "private, no-cache"
