"""/account/referrals."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.accounts.models import User
from portal.platform import clock, ids
from portal.referrals.models import ReferralInvite
from tests.factories.accounts import csrf, make_user, sign_in
from tests.factories.loyalty import make_member
from tests.factories.referrals import DAY, complete, make_invite, rules

PATH = "/account/referrals"
HOOKS = ["invite-form", "invite-row", "invite-cancel", "invite-share-link", "conversion-summary", "flash"]


@pytest.fixture
def user(client: FlaskClient, session: Session) -> User:
    user = make_user(session)
    sign_in(client, user)
    return user


def submit(client: FlaskClient, *, htmx: bool = False, **fields: str) -> Any:
    values = {"csrf_token": csrf(client), "channel": "link", "idempotency_key": ids.encode(ids.new_id()), **fields}
    return client.post(PATH, data=values, headers={"HX-Request": "true"} if htmx else {})


def count(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(ReferralInvite)) or 0


def test_the_page_has_every_hook_and_breaks_no_policy(client: FlaskClient, session: Session, user: User) -> None:
    make_invite(session, make_member(session, user))
    answer = client.get(PATH)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert [hook for hook in HOOKS if f'data-testid="{hook}"' not in page] == []
    assert 'data-status="sent"' in page
    assert "<svg" in page
    assert not re.search(r"\sstyle=|\son\w+=", page)
    assert f"http://localhost/r/{session.scalars(select(ReferralInvite.code)).one()}" in page


def test_inviting_redirects_and_says_so(client: FlaskClient, session: Session, user: User) -> None:
    answer = submit(client, channel="email", invitee_email="grace@example.org", invitee_name="Grace")
    assert (answer.status_code, answer.headers["Location"]) == (303, PATH)
    page = client.get(PATH).get_data(as_text=True)
    assert "Your invite to Grace is on its way." in page
    assert 'data-testid="invite-throttle"' in page
    assert re.search(r'data-countdown="[^"]+"', page)


def test_htmx_gets_the_panel_with_the_new_invite(client: FlaskClient, session: Session, user: User) -> None:
    answer = submit(client, htmx=True, invitee_name="Grace")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert "<html" not in page
    assert page.lstrip().startswith('<div id="referrals"')
    assert "Grace" in page
    assert 'hx-swap-oob="innerHTML"' in page


@pytest.mark.parametrize("htmx", [True, False])
def test_what_is_missing_is_said_at_the_field_and_what_was_typed_stays(
    client: FlaskClient, session: Session, user: User, htmx: bool
) -> None:
    answer = submit(client, htmx=htmx, channel="email", invitee_email="grace", invitee_name="Grace")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "like name@example.com" in page
    assert 'value="grace"' in page
    assert count(session) == 0


@pytest.mark.parametrize("htmx", [True, False])
def test_a_full_quota_is_explained(client: FlaskClient, session: Session, user: User, htmx: bool) -> None:
    member = make_member(session, user)
    for _ in range(10):
        make_invite(session, member, at=clock.now() - DAY)
    page = client.get(PATH).get_data(as_text=True)
    assert 'data-testid="invite-throttle"' in page
    answer = submit(client, htmx=htmx)
    assert answer.status_code == 422
    assert "as many open invites" in answer.get_data(as_text=True)
    assert count(session) == 10


def test_the_same_form_sent_twice_counts_once(client: FlaskClient, session: Session, user: User) -> None:
    fields = {"idempotency_key": "k", "csrf_token": csrf(client)}
    assert [submit(client, **fields).status_code for _ in range(2)] == [303, 303]
    assert count(session) == 1


def test_a_refused_form_can_be_corrected_and_sent_again(client: FlaskClient, session: Session, user: User) -> None:
    page = submit(client, channel="sms", invitee_phone="12").get_data(as_text=True)
    assert "country code" in page
    key = re.search(r'name="idempotency_key"[^>]*value="([^"]+)"', page)
    assert key is not None
    answer = submit(client, channel="sms", invitee_phone="+49 151 23456789", idempotency_key=key[1])
    assert answer.status_code == 303


@pytest.mark.parametrize("htmx", [True, False])
def test_an_invite_is_cancelled_from_its_row(client: FlaskClient, session: Session, user: User, htmx: bool) -> None:
    invite = make_invite(session, make_member(session, user))
    answer = client.post(
        f"{PATH}/{ids.encode(invite.id)}/cancel",
        data={"csrf_token": csrf(client)},
        headers={"HX-Request": "true"} if htmx else {},
    )
    assert answer.status_code == (200 if htmx else 303)
    page = answer.get_data(as_text=True) if htmx else client.get(PATH).get_data(as_text=True)
    assert 'data-status="cancelled"' in page
    assert 'data-testid="invite-cancel"' not in page
    assert "Its link no longer works" in page


def test_another_members_invite_is_not_there(client: FlaskClient, session: Session, user: User) -> None:
    invite = make_invite(session, make_member(session))
    for referral_id in (ids.encode(invite.id), "nonsense"):
        answer = client.post(f"{PATH}/{referral_id}/cancel", data={"csrf_token": csrf(client)})
        assert answer.status_code == 404


def test_the_summary_shows_what_friends_brought(client: FlaskClient, session: Session, user: User) -> None:
    member = make_member(session, user)
    invites = [make_invite(session, member) for _ in range(4)]
    complete(session, invites[0].code, make_user(session).id)
    page = client.get(PATH).get_data(as_text=True)
    assert re.search(r'data-testid="conversion-summary"\s+data-total="4"\s+data-converted="1"', page)
    assert "25%" in page
    assert 'data-segment="active"' in page


def test_older_invites_are_a_link_away(client: FlaskClient, session: Session, user: User) -> None:
    member = make_member(session, user)
    for number in range(21):
        make_invite(session, member, at=clock.now() - 91 * DAY, name=f"Friend {number}", under=rules(max_active=99))
    page = client.get(PATH).get_data(as_text=True)
    older = re.search(r'href="(/account/referrals\?cursor=[^"#]+)', page)
    assert older is not None
    assert "Friend 0<" not in page
    assert "Friend 0<" in client.get(older[1]).get_data(as_text=True)


def test_visitors_sign_in_first_and_forms_need_their_token(client: FlaskClient, session: Session) -> None:
    assert client.get(PATH).headers["Location"].startswith("/login?next=")
    sign_in(client, make_user(session))
    assert client.post(PATH, data={"channel": "link"}).status_code == 400
    assert count(session) == 0


def test_a_key_that_comes_with_other_answers_is_refused(client: FlaskClient, session: Session, user: User) -> None:
    assert submit(client, invitee_name="Grace", idempotency_key="once").status_code == 303
    assert submit(client, invitee_name="Grace", idempotency_key="once").headers["Idempotent-Replayed"] == "true"
    assert submit(client, invitee_name="Edsger", idempotency_key="once").status_code == 422
    assert count(session) == 1
