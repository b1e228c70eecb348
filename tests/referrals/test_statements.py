"""At most 3 statements behind a read and 8 behind a page (DESIGN 5), however many invites there are."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.accounts.models import User
from portal.referrals.models import ReferralInvite
from tests.factories.accounts import bearer, make_token, make_user, sign_in
from tests.factories.loyalty import make_member
from tests.factories.referrals import complete, make_invite
from tests.statements import counted


@pytest.fixture
def invite(session: Session) -> ReferralInvite:
    """One of Ada's many invites, some of them converted."""
    member = make_member(session, make_user(session, id="ada"))
    invites = [make_invite(session, member) for _ in range(9)]
    for converted in invites[:5]:
        complete(session, converted.code, make_user(session).id)
    return invites[-1]


@pytest.mark.usefixtures("invite")
@pytest.mark.parametrize("path", ["referrals", "referrals/conversions", "referrals/segments"])
def test_an_api_read_sends_at_most_three(client: FlaskClient, session: Session, path: str) -> None:
    headers = bearer(make_token(session, "member"), "ada")
    assert client.get(f"/api/v1/loyalty/{path}", headers=headers).status_code == 200
    with counted(session) as sent:
        assert client.get(f"/api/v1/loyalty/{path}", headers=headers).status_code == 200
    assert len(sent) <= 3, sent


def test_a_page_sends_at_most_eight(client: FlaskClient, session: Session, invite: ReferralInvite) -> None:
    sent_for = {}
    with counted(session) as sent:
        assert client.get(f"/r/{invite.code}").status_code == 200
    sent_for["landing"] = len(sent)
    sign_in(client, session.get_one(User, "ada"))
    client.get("/account/referrals")
    with counted(session) as sent:
        assert client.get("/account/referrals").status_code == 200
    sent_for["dashboard"] = len(sent)
    assert max(sent_for.values()) <= 8, sent_for
