"""At most 3 statements behind an API read and 8 behind a page (DESIGN 5), however much there is to show."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.accounts.models import User
from tests.factories.accounts import bearer, make_token, make_user, sign_in
from tests.factories.loyalty import earn, make_member, make_reward, make_tier
from tests.statements import counted

READS = [
    "tiers",
    "rewards",
    "ledger",
    "ledger?types=order&types=adjustment",
    "redemptions",
    "members/ada",
    "next-actions",
    "nudges",
]
PAGES = [
    "/account/loyalty",
    "/account/loyalty?types=redemption",
    "/account/loyalty/rewards/mug/redeem",
    "/",
    "/checkout/success",
]


@pytest.fixture
def busy(session: Session) -> None:
    """Ada, with a history, among tiers and rewards."""
    make_tier(session, "bronze", 0)
    make_tier(session, "silver", 50)
    for number in range(5):
        make_reward(session, f"reward-{number}", 10 + number)
    make_reward(session, "mug", 10)
    member = make_member(session, make_user(session, id="ada"))
    for _ in range(15):
        earn(session, member, 10)


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize("path", READS)
def test_an_api_read_sends_at_most_three(client: FlaskClient, session: Session, path: str) -> None:
    headers = bearer(make_token(session, "member"), "ada")
    assert client.get(f"/api/v1/loyalty/{path}", headers=headers).status_code == 200
    with counted(session) as sent:
        assert client.get(f"/api/v1/loyalty/{path}", headers=headers).status_code == 200
    assert len(sent) <= 3, sent


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize("path", ["users/ada", "users?email=ada@example.com"])
def test_a_read_of_users_sends_at_most_three(client: FlaskClient, session: Session, path: str) -> None:
    headers = bearer(make_token(session, "admin"))
    with counted(session) as sent:
        assert client.get(f"/api/v1/{path}", headers=headers).status_code == 200
    assert len([statement for statement in sent if "UPDATE api_tokens" not in statement]) <= 3, sent


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize("path", PAGES)
def test_a_page_sends_at_most_eight(client: FlaskClient, session: Session, path: str) -> None:
    user = make_user(session)
    make_member(session, user, points=500)
    if path != "/":
        sign_in(client, user)
    with counted(session) as sent:
        assert client.get(path).status_code == 200
    assert len(sent) <= 8, sent


@pytest.mark.usefixtures("busy")
def test_an_explanation_sends_as_few_as_a_read_or_a_page(client: FlaskClient, session: Session) -> None:
    headers = bearer(make_token(session, "member"), "ada")
    newest = client.get("/api/v1/loyalty/ledger", headers=headers).get_json()["entries"][0]["id"]
    with counted(session) as sent:
        assert client.get(f"/api/v1/loyalty/ledger/{newest}", headers=headers).status_code == 200
    assert len(sent) <= 3, sent
    sign_in(client, session.get_one(User, "ada"))
    with counted(session) as sent:
        assert client.get(f"/account/loyalty/points/{newest}").status_code == 200
    assert len(sent) <= 8, sent


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_the_timeline_sends_at_most_three(client: FlaskClient, session: Session, headers: dict[str, str]) -> None:
    user = make_user(session)
    make_member(session, user, points=500)
    sign_in(client, user)
    with counted(session) as sent:
        assert client.get("/app/api/loyalty/timeline", headers=headers).status_code == 200
    assert len(sent) <= 3, sent
