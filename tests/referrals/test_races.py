"""Races for one code, one friend and the last free invite, over real connections (CONTRACT rules 10 and 11)."""

from collections import Counter
from typing import Any

import pytest
from sqlalchemy import func, select

from portal import ledger
from portal.ledger.models import LedgerEntry
from portal.ledger.verify import find_differences
from portal.platform import clock, ids
from portal.platform.audit import Act
from portal.platform.db import unit_of_work
from portal.platform.web.application import Portal
from portal.referrals.converting.completion import complete_referral
from portal.referrals.converting.eligibility import Order
from portal.referrals.models import ReferralInvite
from tests.concurrency import at_once
from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.loyalty import RULES, make_member
from tests.factories.referrals import DAY, make_invite, rules

MANY = 20


def post(app: Portal, path: str, body: dict[str, Any], headers: dict[str, str]) -> Any:
    return app.test_client().post(f"/api/v1/loyalty/{path}", json=body, headers=headers)


def credits_of(app: Portal) -> tuple[Counter[str], list[Any]]:
    with app.app_context(), unit_of_work() as session:
        kinds = Counter(session.scalars(select(LedgerEntry.entry_type)))
        return kinds, find_differences(session)


def codes_of(answers: list[Any], status: int) -> set[str]:
    return {answer.get_json()["code"] for answer in answers if answer.status_code == status}


@pytest.fixture
def token(committed_app: Portal) -> str:
    with committed_app.app_context(), unit_of_work() as session:
        return make_token(session, "admin")


@pytest.mark.parametrize("friends", [1, MANY])
def test_of_twenty_completions_of_one_code_one_wins(committed_app: Portal, token: str, friends: int) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        code = make_invite(session, make_member(session)).code
        people = [make_user(session).id for _ in range(friends)]
    answers = at_once(
        committed_app,
        MANY,
        lambda n: post(
            committed_app, "referrals/complete", {"code": code, "refereeUserId": people[n % friends]}, bearer(token)
        ),
    )
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 19}
    assert codes_of(answers, 409) == {"referral_already_converted"}
    assert credits_of(committed_app) == (Counter(referral_bonus=1, referral_welcome=1), [])


@pytest.mark.parametrize("personal", [True, False])
def test_a_friend_wanted_by_many_is_credited_to_one(committed_app: Portal, token: str, personal: bool) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        members = [make_member(session) for _ in range(MANY)]
        codes = [m.referral_code if personal else make_invite(session, m).code for m in members]
        friend = make_user(session).id
    answers = at_once(
        committed_app,
        MANY,
        lambda n: post(committed_app, "referrals/complete", {"code": codes[n], "refereeUserId": friend}, bearer(token)),
    )
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 19}
    assert codes_of(answers, 409) == {"referee_already_referred"}
    assert credits_of(committed_app) == (Counter(referral_bonus=1, referral_welcome=1), [])


def test_members_who_complete_each_other_do_not_wait_for_each_other_for_ever(committed_app: Portal, token: str) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        members = [make_member(session) for _ in range(8)]
        users, codes = [m.user_id for m in members], [make_invite(session, m).code for m in members]
    answers = at_once(
        committed_app,
        8,
        lambda n: post(
            committed_app,
            "referrals/complete",
            {"code": codes[n], "refereeUserId": users[n ^ 1]},
            bearer(token),
        ),
    )
    assert Counter(answer.status_code for answer in answers) == {200: 4, 409: 4}
    assert codes_of(answers, 409) == {"referral_circle"}
    assert credits_of(committed_app) == (Counter(referral_bonus=4, referral_welcome=4), [])


def test_of_twenty_invites_at_quota_minus_one_one_is_made(committed_app: Portal, token: str) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        member = make_member(session)
        for _ in range(9):
            make_invite(session, member, at=clock.now() - DAY)
        user_id = member.user_id
    answers = at_once(
        committed_app,
        MANY,
        lambda _: post(committed_app, "referrals", {"channel": "link"}, bearer(token, user_id)),
    )
    assert Counter(answer.status_code for answer in answers) == {201: 1, 429: 19}
    assert codes_of(answers, 429) == {"invite_quota_exceeded"}
    with committed_app.app_context(), unit_of_work() as session:
        assert session.scalar(select(func.count()).select_from(ReferralInvite)) == 10


def test_the_pause_holds_for_invites_at_the_same_moment_also_the_first(committed_app: Portal, token: str) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        user_id = make_user(session).id
    answers = at_once(
        committed_app, 8, lambda _: post(committed_app, "referrals", {"channel": "link"}, bearer(token, user_id))
    )
    assert Counter(answer.status_code for answer in answers) == {201: 1, 429: 7}
    assert codes_of(answers, 429) == {"invite_cooldown"}


def test_of_racing_completion_and_cancellation_one_wins(committed_app: Portal, token: str) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        member = make_member(session)
        invite = make_invite(session, member)
        code, path, user_id = invite.code, f"referrals/{_ulid(invite)}/cancel", member.user_id
        friend = make_user(session).id
    calls = [
        ("referrals/complete", {"code": code, "refereeUserId": friend}, bearer(token)),
        (path, {}, bearer(token, user_id)),
    ]
    answers = at_once(committed_app, 10, lambda n: post(committed_app, *calls[n % 2]))
    won = Counter(answer.get_json().get("code") for answer in answers if answer.status_code == 409)
    assert won in (Counter(referral_cancelled=5), Counter(referral_already_converted=4, referral_not_cancellable=5))
    kinds, differences = credits_of(committed_app)
    assert differences == []
    assert kinds["referral_bonus"] == (0 if "referral_cancelled" in won else 1)


def test_two_releases_at_once_credit_once(committed_app: Portal) -> None:
    slow = rules(holding=DAY)
    with committed_app.app_context(), unit_of_work() as session:
        for _ in range(5):
            invite = make_invite(session, make_member(session), under=slow)
            complete_referral(
                session,
                invite.code,
                make_user(session).id,
                Order(),
                Act("token:t", clock.now()),
                rules=slow,
                earning=RULES,
            )
    later = clock.now() + 2 * DAY

    def release(_: int) -> None:
        with unit_of_work() as session:
            ledger.activate_due(session, later, rules=RULES)

    at_once(committed_app, 4, release)
    assert credits_of(committed_app) == (Counter(referral_bonus=5, referral_welcome=5), [])


def _ulid(invite: ReferralInvite) -> str:
    return ids.encode(invite.id)
