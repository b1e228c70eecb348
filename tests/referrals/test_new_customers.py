"""New customers only, and no circles: refused, or signalled where the programme allows them."""

import itertools
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import ledger
from portal.ledger.holds import choose_lots
from portal.ledger.models import EntryType
from portal.members.models import Member
from portal.platform import clock
from portal.platform.db import unit_of_work
from portal.platform.web.application import Portal
from portal.referrals.attribution import attribute_registration
from portal.referrals.converting.completion import Completed
from portal.referrals.converting.eligibility import Order
from portal.referrals.models import InviteStatus, ReferralInvite
from portal.referrals.problems import RefereeNotNew, ReferralCircle
from tests.concurrency import at_once
from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.loyalty import earn, make_member
from tests.factories.referrals import DAY, complete, make_invite, rules

PATH = "/api/v1/loyalty/referrals/complete"
OPEN_TO_ALL = rules(new_customers_only=False, circles=True)
HOUR = timedelta(hours=1)


def told(done: Completed) -> set[str]:
    """Which of the signals that this is about the conversion left."""
    return {"ordered_before", "circle"} & set(done.invite.signals)


def reverse(session: Session, member: Member, points: int, order: str) -> None:
    """Take back what an order earned, as refunds do."""
    now = clock.now()
    takes = choose_lots(session, member.id, points, now)
    posting = ledger.Posting(member.id, -points, EntryType.REVERSAL, "order", order, "refund", now, takes=tuple(takes))
    ledger.post(session, [posting], now)


def test_an_old_customer_is_not_referred_by_a_personal_code(client: FlaskClient, session: Session) -> None:
    member, old = make_member(session), make_member(session, points=40)
    body = {"code": member.referral_code, "refereeUserId": old.user_id, "orderReference": "A-2"}
    answer = client.post(PATH, json=body, headers=bearer(make_token(session, "admin")))
    assert (answer.status_code, answer.get_json()["code"]) == (409, "referee_not_new")
    done = complete(session, member.referral_code, old.user_id, under=OPEN_TO_ALL)
    assert told(done) == {"ordered_before"}


@pytest.mark.parametrize(("ordered", "refused"), [(-HOUR, True), (HOUR, False)])
def test_for_an_invite_orders_before_it_was_made_count(session: Session, ordered: timedelta, refused: bool) -> None:
    member, friend = make_member(session), make_member(session)
    made = clock.now() - DAY
    invite = make_invite(session, member, at=made)
    earn(session, friend, 40, at=made + ordered)
    if refused:
        with pytest.raises(RefereeNotNew):
            complete(session, invite.code, friend.user_id)
    else:
        assert told(complete(session, invite.code, friend.user_id)) == set()


def test_for_a_shared_invite_it_is_when_that_one_was_made(session: Session) -> None:
    member, anna, bee = make_member(session), make_user(session), make_member(session)
    made = clock.now() - DAY
    invite = make_invite(session, member, at=made)
    assert attribute_registration(session, invite.code, anna, device=None, now=made, at=made, rules=rules())
    earn(session, bee, 40, at=made + HOUR)
    assert complete(session, invite.code, bee.user_id).invite.shared_code == invite.code


@pytest.mark.parametrize("where", ["external_id", "order_reference", "orderReference"])
def test_the_order_that_completes_does_not_count_against_itself(session: Session, where: str) -> None:
    member, friend = make_member(session), make_member(session)
    stored: dict[str, Any] = {"external_id": "A-1"} if where == "external_id" else {"metadata": {where: "A-1"}}
    earn(session, friend, 40, **stored)
    with pytest.raises(RefereeNotNew), session.begin_nested():
        complete(session, member.referral_code, friend.user_id, order=Order("A-2"))
    assert complete(session, member.referral_code, friend.user_id, order=Order("A-1")).entries


@pytest.mark.parametrize(("taken_back", "refused"), [(40, False), (39, True)])
def test_an_order_that_was_taken_back_whole_stands_no_more(session: Session, taken_back: int, refused: bool) -> None:
    member, friend = make_member(session), make_member(session)
    earn(session, friend, 40, external_id="A-1")
    reverse(session, friend, taken_back, "A-1")
    if refused:
        with pytest.raises(RefereeNotNew):
            complete(session, member.referral_code, friend.user_id)
    else:
        assert complete(session, member.referral_code, friend.user_id).entries


def test_points_that_are_no_order_make_no_old_customer(session: Session) -> None:
    member, friend = make_member(session), make_member(session)
    complete(session, member.referral_code, friend.user_id)
    third = make_member(session)
    assert told(complete(session, friend.referral_code, third.user_id)) == set()


def chain(session: Session, length: int) -> list[Member]:
    """Members of whom each has brought the next."""
    members = [make_member(session) for _ in range(length)]
    for one, other in itertools.pairwise(members):
        complete(session, one.referral_code, other.user_id)
    return members


@pytest.mark.parametrize("length", [2, 3, 7])
@pytest.mark.parametrize(
    "code_of", [lambda session, m: m.referral_code, lambda session, m: make_invite(session, m).code]
)
def test_the_last_does_not_bring_the_first(
    client: FlaskClient, session: Session, length: int, code_of: Callable[[Session, Member], str]
) -> None:
    members = chain(session, length)
    body = {"code": code_of(session, members[-1]), "refereeUserId": members[0].user_id}
    answer = client.post(PATH, json=body, headers=bearer(make_token(session, "admin")))
    assert (answer.status_code, answer.get_json()["code"]) == (409, "referral_circle")
    done = complete(session, members[-1].referral_code, members[0].user_id, under=OPEN_TO_ALL)
    assert told(done) == {"circle"}


def test_a_line_is_no_circle(session: Session) -> None:
    members = chain(session, 4)
    above, below, beside = (make_member(session) for _ in range(3))
    assert complete(session, above.referral_code, members[0].user_id).entries
    assert complete(session, members[-1].referral_code, below.user_id).entries
    assert complete(session, members[0].referral_code, beside.user_id).entries


def test_a_circle_that_was_allowed_once_does_not_turn_for_ever(session: Session) -> None:
    first, second, third = chain(session, 3)
    complete(session, third.referral_code, first.user_id, under=OPEN_TO_ALL)
    assert complete(session, second.referral_code, make_user(session).id).entries
    outsider, tail = chain(session, 2)
    with pytest.raises(ReferralCircle):
        complete(session, tail.referral_code, outsider.user_id)


def test_of_four_who_close_a_circle_at_once_one_does_not(committed_app: Portal) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        members = [make_member(session) for _ in range(4)]
        users, codes = [m.user_id for m in members], [m.referral_code for m in members]
        token = make_token(session, "admin")

    def close(number: int) -> Any:
        body = {"code": codes[number], "refereeUserId": users[(number + 1) % 4]}
        return committed_app.test_client().post(PATH, json=body, headers=bearer(token))

    answers = at_once(committed_app, 4, close)
    assert Counter(answer.status_code for answer in answers) == {200: 3, 409: 1}
    with committed_app.app_context(), unit_of_work() as session:
        converted = select(func.count()).where(ReferralInvite.status == InviteStatus.CONVERTED)
        assert session.scalar(converted) == 3
