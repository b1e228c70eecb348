"""A member's form that was refused is corrected and sent again as the page shows it: that is a new question."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.members.models import Member
from portal.redemptions.models import Redemption
from portal.referrals.models import ReferralInvite
from tests.architecture.forms import Form, forms_of
from tests.factories.accounts import make_user, sign_in
from tests.factories.loyalty import earn, make_member, make_reward

BY_SCRIPT = {"HX-Request": "true"}
INVITES, REDEEM = "/account/referrals", "/account/loyalty/rewards/mug/redeem"


@pytest.fixture
def ada(client: FlaskClient, session: Session) -> Member:
    """A member who is signed in, without points."""
    user = make_user(session)
    sign_in(client, user)
    return make_member(session, user)


def form_of(html: str, action: str) -> Form:
    return next(form for form in forms_of(html, action) if form.action == action and "idempotency_key" in form.fields)


@pytest.mark.parametrize("headers", [{}, BY_SCRIPT])
@pytest.mark.parametrize(
    "wrong",
    [
        {"channel": "email", "invitee_email": "nobody"},
        {"channel": "sms", "invitee_phone": "12"},
        {"channel": "pigeon"},
        {"channel": "link", "invitee_name": "x" * 200},
    ],
)
def test_an_invite_that_was_refused_is_sent_again(
    client: FlaskClient, session: Session, ada: Member, headers: dict[str, str], wrong: dict[str, str]
) -> None:
    form = form_of(client.get(INVITES).text, INVITES)
    refused = client.post(INVITES, data={**form.fields, **wrong}, headers=headers)
    again = form_of(refused.text, INVITES)

    sent = client.post(INVITES, data={**again.fields, "channel": "link", "invitee_name": "Grace"}, headers=headers)

    assert (refused.status_code, sent.status_code) == (422, 200 if headers else 303)
    assert again.fields["idempotency_key"] != form.fields["idempotency_key"]
    assert session.scalar(select(func.count()).select_from(ReferralInvite)) == 1


@pytest.mark.parametrize("headers", [{}, BY_SCRIPT])
def test_a_redemption_that_was_refused_is_asked_again(
    client: FlaskClient, session: Session, ada: Member, headers: dict[str, str]
) -> None:
    make_reward(session, "mug", 300)
    earn(session, ada, 300)
    form = form_of(client.get(REDEEM).text, REDEEM)
    unkeyed = {name: value for name, value in form.fields.items() if name != "idempotency_key"}
    refused = client.post(REDEEM, data=unkeyed, headers=headers)
    again = form_of(refused.text, REDEEM)

    sent = client.post(REDEEM, data=again.fields, headers=headers)

    assert (refused.status_code, sent.status_code) == (422, 200 if headers else 303)
    assert session.scalar(select(func.count()).select_from(Redemption)) == 1
