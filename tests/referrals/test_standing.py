"""Suspended members and closed accounts: their codes bring no friends, and their credits wait (CONTRACT R12)."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import ledger
from portal.accounts.models import User
from portal.ledger.models import LedgerEntry
from portal.ledger.verify import find_differences
from portal.members.models import Member
from portal.platform import clock
from tests.factories.accounts import bearer, csrf, follow_link, make_token, make_user
from tests.factories.loyalty import RULES, make_member
from tests.factories.referrals import DAY, complete, make_invite, rules

API = "/api/v1/loyalty"
BOTH_SIDES = {"entries": 2, "points": 600, "members": 2}
WAYS = ["suspended", "closed"]
PASSWORD = "correct horse battery staple"


def bar(session: Session, member: Member, way: str, *, barred: bool = True) -> None:
    """Suspend the member or close the account; or undo it."""
    if way == "suspended":
        member.status = "suspended" if barred else "active"
    else:
        session.get_one(User, member.user_id).disabled_at = clock.now() if barred else None
    session.flush()


def balances(session: Session, *members: Member) -> list[int]:
    for member in members:
        session.refresh(member)
    return [member.balance for member in members]


def send(client: FlaskClient, session: Session, code: str, referee: str) -> tuple[int, str]:
    body = {"code": code, "refereeUserId": referee}
    answer = client.post(f"{API}/referrals/complete", json=body, headers=bearer(make_token(session, "admin")))
    return answer.status_code, answer.get_json().get("code", "")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("personal", [True, False])
def test_their_codes_complete_nothing_until_they_are_back(
    client: FlaskClient, session: Session, way: str, personal: bool
) -> None:
    member, friend = make_member(session), make_user(session)
    code = member.referral_code if personal else make_invite(session, member).code
    bar(session, member, way)
    assert send(client, session, code, friend.id) == (409, "referral_cancelled")
    assert balances(session, member) == [0]
    bar(session, member, way, barred=False)
    assert send(client, session, code, friend.id)[0] == 200
    assert balances(session, member) == [500]


@pytest.mark.parametrize("way", WAYS)
def test_a_friend_who_is_barred_converts_nothing_and_loses_nothing(
    client: FlaskClient, session: Session, way: str
) -> None:
    member, friend = make_member(session), make_member(session)
    bar(session, friend, way)
    assert send(client, session, member.referral_code, friend.user_id) == (403, "member_suspended")
    bar(session, friend, way, barred=False)
    assert send(client, session, member.referral_code, friend.user_id)[0] == 200
    assert balances(session, member, friend) == [500, 100]


@pytest.mark.parametrize("way", WAYS)
def test_who_registered_through_them_before_is_not_completed_either(
    client: FlaskClient, session: Session, way: str
) -> None:
    member = make_member(session)
    invite = make_invite(session, member)
    client.get(f"/r/{invite.code}")
    form = {"csrf_token": csrf(client), "name": "Grace", "email": "grace@example.org", "password": PASSWORD}
    assert client.post("/register", data=form).status_code == 303
    follow_link(client, session, "grace@example.org")
    bar(session, member, way)
    friend = session.scalars(select(User.id).where(User.email == "grace@example.org")).one()
    assert send(client, session, invite.code, friend) == (409, "referral_cancelled")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("side", [0, 1])
def test_pending_credits_wait_while_a_side_is_barred_and_hold_up_no_others(
    session: Session, way: str, side: int
) -> None:
    slow, later = rules(holding=DAY), clock.now() + 2 * DAY
    pairs = [(make_member(session), make_member(session)) for _ in range(2)]
    for member, friend in pairs:
        complete(session, member.referral_code, friend.user_id, under=slow)
    bar(session, pairs[0][side], way)
    assert ledger.activate_due(session, later, rules=RULES, limit=1) == BOTH_SIDES
    assert ledger.activate_due(session, later, rules=RULES, limit=1) is None
    assert balances(session, *pairs[0], *pairs[1]) == [0, 0, 500, 100]
    bar(session, pairs[0][side], way, barred=False)
    assert ledger.activate_due(session, later, rules=RULES) == BOTH_SIDES
    assert balances(session, *pairs[0]) == [500, 100]
    assert find_differences(session) == []


@pytest.mark.parametrize("way", WAYS)
def test_they_invite_nobody(client: FlaskClient, session: Session, way: str) -> None:
    member = make_member(session)
    bar(session, member, way)
    token = make_token(session, "admin")
    paths: list[tuple[str, dict[str, str]]] = [
        (f"{API}/referrals", bearer(token, member.user_id)),
        (f"{API}/members/{member.user_id}/referrals", bearer(token)),
    ]
    for path, headers in paths:
        answer: Any = client.post(path, json={"channel": "link"}, headers=headers)
        assert (answer.status_code, answer.get_json()["code"]) == (403, "member_suspended")
    assert session.scalar(select(LedgerEntry.id)) is None
