"""POST /referrals/complete sent twice: the same order is answered as the first time, another is told what stands."""

from collections import Counter
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import ledger
from portal.accounts.models import User
from portal.ledger.models import LedgerEntry
from portal.ledger.verify import find_differences
from portal.members.models import Member
from portal.platform import clock
from portal.platform.db import unit_of_work
from portal.platform.models import AuditEntry
from portal.platform.web.application import Portal
from portal.referrals.converting.eligibility import Order
from portal.referrals.models import ReferralInvite
from tests.concurrency import at_once
from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.loyalty import RULES, earn, make_member, make_tier
from tests.factories.referrals import DAY, complete, make_invite, rules

PATH = "/api/v1/loyalty/referrals/complete"


@pytest.fixture
def token(session: Session) -> str:
    return make_token(session, "admin")


def send(client: FlaskClient, token: str, code: str, referee: str, order: str | None = "A-1", **more: Any) -> Any:
    body = {"code": code, "refereeUserId": referee, **({"orderReference": order} if order else {}), **more}
    return client.post(PATH, json=body, headers=bearer(token))


def codes_of(session: Session, member: Member) -> dict[str, str]:
    """An invite's code, and the personal one."""
    return {"invite": make_invite(session, member).code, "personal": member.referral_code}


@pytest.mark.parametrize("which", ["invite", "personal"])
def test_the_same_friend_and_order_get_the_first_answer_to_the_byte(
    client: FlaskClient, session: Session, token: str, which: str
) -> None:
    make_tier(session, "bronze", 0)
    make_tier(session, "silver", 500)
    member, friend = make_member(session), make_user(session)
    code = codes_of(session, member)[which]
    first = send(client, token, code, friend.id)
    assert first.get_json()["tierUpgrade"] == {"from": "bronze", "to": "silver"}
    earn(session, member, 70)
    make_tier(session, "gold", 1000)
    session.expire_all()
    for typed in (code, f" {code.lower()} "):
        again = send(client, token, typed, friend.id)
        assert (again.status_code, again.get_data()) == (200, first.get_data())
    assert session.scalar(select(func.count()).select_from(ReferralInvite)) == (2 if which == "personal" else 1)
    completions = select(func.count()).where(AuditEntry.action == "referral.complete")
    assert session.scalar(completions) == 1
    assert find_differences(session) == []


def test_it_is_the_first_answer_whatever_has_happened_since(client: FlaskClient, session: Session, token: str) -> None:
    member, friend = make_member(session), make_user(session)
    first = send(client, token, member.referral_code, friend.id)
    earn(session, make_member(session, friend), 100)
    session.refresh(member)
    member.status = "suspended"
    session.get_one(User, friend.id).disabled_at = clock.now()
    session.flush()
    settings = client.application.config["SETTINGS"]
    client.application.config["SETTINGS"] = settings.model_copy(update={"referral_minimum_order": 9000})
    try:
        again = send(client, token, member.referral_code, friend.id)
    finally:
        client.application.config["SETTINGS"] = settings
    assert (again.status_code, again.get_data()) == (200, first.get_data())


def test_while_the_credit_was_pending_nothing_was_posted_and_so_it_stays(session: Session) -> None:
    slow = rules(holding=DAY)
    member, friend = make_member(session), make_user(session)
    order = Order("A-1")
    assert complete(session, member.referral_code, friend.id, under=slow, order=order).entries == []
    assert complete(session, member.referral_code, friend.id, under=slow, order=order).entries == []
    assert ledger.activate_due(session, clock.now() + 2 * DAY, rules=RULES)
    assert complete(session, member.referral_code, friend.id, under=slow, order=order).entries == []
    assert len(session.scalars(select(LedgerEntry)).all()) == 2


@pytest.mark.parametrize("order", ["A-2", "a-1", None])
@pytest.mark.parametrize("which", ["invite", "personal"])
def test_another_order_is_told_the_referral_and_its_order(
    client: FlaskClient, session: Session, token: str, which: str, order: str | None
) -> None:
    member, friend = make_member(session), make_user(session)
    code = codes_of(session, member)[which]
    first = send(client, token, code, friend.id).get_json()["referral"]
    answer = send(client, token, code, friend.id, order)
    expected = {"invite": "referral_already_converted", "personal": "referee_already_referred"}[which]
    problem = answer.get_json()
    assert (answer.status_code, problem["code"]) == (409, expected)
    assert (problem["referralId"], problem["orderReference"]) == (first["id"], "A-1")


def test_without_an_order_a_second_call_is_no_repetition(client: FlaskClient, session: Session, token: str) -> None:
    member, friend = make_member(session), make_user(session)
    first = send(client, token, member.referral_code, friend.id, None).get_json()["referral"]
    problem = send(client, token, member.referral_code, friend.id, None).get_json()
    assert (problem["status"], problem["code"]) == (409, "referee_already_referred")
    assert (problem["referralId"], problem["orderReference"]) == (first["id"], None)


def test_another_members_code_and_another_friend_are_told_too(
    client: FlaskClient, session: Session, token: str
) -> None:
    member, friend, other = make_member(session), make_user(session), make_member(session)
    invite = make_invite(session, member)
    first = send(client, token, invite.code, friend.id).get_json()["referral"]
    for code, referee, expected in (
        (other.referral_code, friend.id, "referee_already_referred"),
        (invite.code, make_user(session).id, "referral_already_converted"),
    ):
        problem = send(client, token, code, referee).get_json()
        assert (problem["status"], problem["code"]) == (409, expected)
        assert (problem["referralId"], problem["orderReference"]) == (first["id"], "A-1")


@pytest.mark.parametrize("which", ["invite", "personal"])
def test_racing_calls_for_one_order_all_get_the_one_answer(committed_app: Portal, which: str) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        code, friend, token = (
            codes_of(session, make_member(session))[which],
            make_user(session).id,
            make_token(session, "admin"),
        )
    answers = at_once(committed_app, 12, lambda _: send(committed_app.test_client(), token, code, friend))
    assert Counter(answer.status_code for answer in answers) == {200: 12}
    assert len({answer.get_data() for answer in answers}) == 1
    with committed_app.app_context(), unit_of_work() as session:
        assert Counter(session.scalars(select(LedgerEntry.entry_type))) == Counter(referral_bonus=1, referral_welcome=1)
        assert find_differences(session) == []


def test_of_racing_calls_for_two_orders_one_is_told_of_the_other(committed_app: Portal) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        code, friend = make_member(session).referral_code, make_user(session).id
        token = make_token(session, "admin")
    orders = ["A-1", "A-2"]
    answers = at_once(
        committed_app, 10, lambda n: send(committed_app.test_client(), token, code, friend, orders[n % 2])
    )
    assert Counter(answer.status_code for answer in answers) == {200: 5, 409: 5}
    won = {orders[number % 2] for number, answer in enumerate(answers) if answer.status_code == 200}
    assert {answer.get_json()["orderReference"] for answer in answers if answer.status_code == 409} == won
