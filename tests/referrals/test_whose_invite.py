"""An invite that somebody registered through is theirs; who comes by its code otherwise gets one of their own."""

from collections import Counter
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.accounts.models import User
from portal.ledger.models import LedgerEntry
from portal.ledger.verify import find_differences
from portal.platform import clock
from portal.platform.audit import Act
from portal.platform.db import unit_of_work
from portal.platform.web.application import Portal
from portal.referrals.attribution import attribute_registration
from portal.referrals.models import ReferralInvite
from portal.referrals.problems import ReferralCancelled
from portal.referrals.standing import cancel_invite
from tests.concurrency import at_once
from tests.factories.accounts import bearer, csrf, follow_link, make_token, make_user
from tests.factories.loyalty import make_member
from tests.factories.referrals import DAY, REFERRAL_RULES, complete, make_invite

PATH = "/api/v1/loyalty/referrals/complete"


def register_by(session: Session, code: str, user: User) -> None:
    """Let a user have registered through a code."""
    now = clock.now()
    assert attribute_registration(session, code, user, device=None, now=now, at=now, rules=REFERRAL_RULES)


def send(client: FlaskClient, token: str, code: str, referee: str) -> Any:
    return client.post(PATH, json={"code": code, "refereeUserId": referee}, headers=bearer(token))


@pytest.mark.parametrize("bee_first", [True, False])
def test_a_friend_who_never_followed_it_gets_one_of_her_own(
    client: FlaskClient, session: Session, bee_first: bool
) -> None:
    member, anna, bee = make_member(session), make_user(session), make_user(session)
    invite, token = make_invite(session, member), make_token(session, "admin")
    register_by(session, invite.code, anna)
    if not bee_first:
        assert send(client, token, invite.code, anna.id).status_code == 200
        refused = send(client, token, invite.code, bee.id)
        assert (refused.status_code, refused.get_json()["code"]) == (409, "referral_already_converted")
        return
    hers = send(client, token, invite.code, bee.id).get_json()
    assert hers["referral"]["code"] != invite.code
    assert {entry["metadata"]["shared_code"] for entry in hers["ledgerEntries"]} == {invite.code}
    annas = send(client, token, invite.code, anna.id).get_json()
    assert annas["referral"]["code"] == invite.code
    session.refresh(member)
    assert member.balance == 1000
    assert find_differences(session) == []


def test_annas_own_page_then_the_api(client: FlaskClient, session: Session) -> None:
    invite, token = make_invite(session, make_member(session)), make_token(session, "admin")
    client.get(f"/r/{invite.code}")
    form = {
        "csrf_token": csrf(client),
        "name": "Anna",
        "email": "anna@example.org",
        "password": "correct horse battery",
    }
    assert client.post("/register", data=form).status_code == 303
    follow_link(client, session, "anna@example.org")
    for number in range(3):
        friend = make_user(session, email=f"bee{number}@example.net")
        assert send(client, token, invite.code, friend.id).status_code == 200
    anna = session.scalars(select(User.id).where(User.email == "anna@example.org")).one()
    assert send(client, token, invite.code, anna).get_json()["referral"]["code"] == invite.code


def test_taken_back_it_is_closed_for_others_too(session: Session) -> None:
    member, anna = make_member(session), make_user(session)
    invite = make_invite(session, member)
    register_by(session, invite.code, anna)
    cancel_invite(session, invite.id, Act("user:x", clock.now()))
    with pytest.raises(ReferralCancelled):
        complete(session, invite.code, make_user(session).id, at=clock.now() + DAY)


def test_racing_completions_for_anna_and_others_all_count_once(committed_app: Portal) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        member, anna = make_member(session), make_user(session)
        code, token = make_invite(session, member).code, make_token(session, "admin")
        register_by(session, code, anna)
        people = [anna.id, *(make_user(session).id for _ in range(5))]
    answers = at_once(committed_app, 6, lambda n: send(committed_app.test_client(), token, code, people[n]))
    # Once Anna's is completed the invite is used up, and who comes later is told so.
    statuses = Counter(answer.status_code for answer in answers)
    assert answers[0].status_code == 200
    assert answers[0].get_json()["referral"]["code"] == code
    with committed_app.app_context(), unit_of_work() as session:
        assert len(session.scalars(select(ReferralInvite)).all()) == statuses[200]
        kinds = Counter(session.scalars(select(LedgerEntry.entry_type)))
        assert kinds == Counter(referral_bonus=statuses[200], referral_welcome=statuses[200])
        assert find_differences(session) == []
