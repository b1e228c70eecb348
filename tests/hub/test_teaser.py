"""What the hub says of a member's referrals."""

from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories.accounts import make_user, sign_in
from tests.factories.loyalty import make_member
from tests.factories.referrals import DAY, complete, make_invite, rules

HUB = "/account/loyalty"


def test_the_hub_shows_the_members_link_and_who_has_joined_through_it(client: FlaskClient, session: Session) -> None:
    user = make_user(session)
    member = make_member(session, user)
    sign_in(client, user)
    page = client.get(HUB).text
    assert f'value="http://localhost/r/{member.referral_code}"' in page
    assert "both of you get points" in page
    for _ in range(2):
        complete(session, make_invite(session, member).code, make_user(session).id)
    page = " ".join(client.get(HUB).text.split())
    assert "2 friends have joined so far and earned you" in page
    assert '<span class="figure ">1,000</span> points.' in page
    complete(session, make_invite(session, member).code, make_user(session).id, under=rules(holding=DAY))
    page = " ".join(client.get(HUB).text.split())
    assert "3 friends have joined so far and earned you" in page
    assert '<span class="figure ">1,000</span> points.' in page, "the rest is pending"
