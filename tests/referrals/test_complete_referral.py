"""POST /referrals/complete."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import ledger
from portal.ledger.models import LedgerEntry, StreakWeek
from portal.ledger.verify import find_differences
from portal.platform import clock, ids
from portal.platform.audit import Act
from portal.platform.problems import InvalidInput
from portal.referrals import problems
from portal.referrals.converting.eligibility import Order
from portal.referrals.models import ReferralInvite
from portal.referrals.standing import cancel_invite
from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.loyalty import RULES, make_member, make_tier
from tests.factories.referrals import DAY, REFERRAL_RULES, complete, make_invite, rules

PATH = "/api/v1/loyalty/referrals/complete"


@pytest.fixture
def token(session: Session) -> str:
    return make_token(session, "admin")


def send(client: FlaskClient, token: str, code: str, referee: str, **more: Any) -> Any:
    return client.post(PATH, json={"code": code, "refereeUserId": referee, **more}, headers=bearer(token))


def refused(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["code"]


def test_both_sides_are_credited_with_the_code_in_the_metadata(
    client: FlaskClient, session: Session, token: str
) -> None:
    member, friend = make_member(session), make_user(session)
    invite = make_invite(session, member)
    answer = send(client, token, invite.code, friend.id, orderReference="A-1")
    document = answer.get_json()
    assert answer.status_code == 200
    assert set(document) == {"referral", "ledgerEntries", "tierUpgrade"}
    assert (document["referral"]["status"], document["referral"]["rewardPoints"]) == ("converted", 500)
    assert document["referral"]["convertedAt"]
    assert [(e["entryType"], e["amount"]) for e in document["ledgerEntries"]] == [
        ("referral_bonus", 500),
        ("referral_welcome", 100),
    ]
    assert {e["metadata"]["referral_code"] for e in document["ledgerEntries"]} == {invite.code}
    assert all(ids.parse(e["id"]) for e in document["ledgerEntries"])
    assert document["tierUpgrade"] is None
    for user_id, kind in ((member.user_id, "referral_bonus"), (friend.id, "referral_welcome")):
        ledger = client.get("/api/v1/loyalty/ledger?limit=5", headers=bearer(token, user_id)).get_json()
        assert [entry["entryType"] for entry in ledger["entries"]] == [kind]
    assert find_differences(session) == []


def test_a_rise_of_who_invited_is_told(client: FlaskClient, session: Session, token: str) -> None:
    make_tier(session, "bronze", 0)
    make_tier(session, "silver", 500)
    invite = make_invite(session, make_member(session))
    answer = send(client, token, invite.code, make_user(session).id).get_json()
    assert answer["tierUpgrade"] == {"from": "bronze", "to": "silver"}


@pytest.mark.parametrize("typed", ["{0} ", " {1}", "{2}", "{3}"])
def test_a_code_is_accepted_however_it_was_typed(client: FlaskClient, session: Session, token: str, typed: str) -> None:
    invite = make_invite(session, make_member(session), new_code=lambda: "SHAREME01")
    code = typed.format(invite.code.lower(), "sha-re me 01", "SHAREMEO1", "ЅНАRЕМЕ0l")
    assert send(client, token, code, make_user(session).id).status_code == 200


def test_a_personal_code_refers_any_number_of_friends_each_once(
    client: FlaskClient, session: Session, token: str
) -> None:
    member, friends = make_member(session), [make_user(session) for _ in range(2)]
    codes = set()
    for friend in friends:
        answer = send(client, token, member.referral_code.lower(), friend.id).get_json()
        codes.add(answer["referral"]["code"])
        assert answer["ledgerEntries"][0]["metadata"] == {
            "referral_code": answer["referral"]["code"],
            "shared_code": member.referral_code,
        }
    assert len(codes) == 2
    assert refused(send(client, token, member.referral_code, friends[0].id)) == (409, "referee_already_referred")
    session.refresh(member)
    assert member.balance == 1000


def test_refusals_have_their_codes(client: FlaskClient, session: Session, token: str) -> None:
    member, friend = make_member(session), make_user(session)
    converted, cancelled, opened = (make_invite(session, member) for _ in range(3))
    expired = make_invite(session, member, at=clock.now() - 91 * DAY)
    complete(session, converted.code, friend.id)
    cancel_invite(session, cancelled.id, Act("user:x", clock.now()))
    other = make_user(session).id
    expected = [
        ("NOSUCHCDE", other, 404, "referral_not_found"),
        ("...", other, 404, "referral_not_found"),
        (opened.code, "nobody", 404, "user_not_found"),
        (converted.code, other, 409, "referral_already_converted"),
        (cancelled.code, other, 409, "referral_cancelled"),
        (expired.code, other, 409, "referral_expired"),
        (opened.code, friend.id, 409, "referee_already_referred"),
        (opened.code, member.user_id, 422, "self_referral"),
    ]
    for code, referee, *wanted in expected:
        assert list(refused(send(client, token, code, referee))) == wanted, wanted
    session.refresh(member)
    assert member.balance == 500


def test_a_second_conversion_of_a_friend_is_refused_whoever_invited(
    client: FlaskClient, session: Session, token: str
) -> None:
    first, second = make_invite(session, make_member(session)), make_invite(session, make_member(session))
    friend = make_user(session)
    assert send(client, token, first.code, friend.id).status_code == 200
    assert refused(send(client, token, second.code, friend.id)) == (409, "referee_already_referred")


def test_bad_input_and_wrong_callers(client: FlaskClient, session: Session, token: str) -> None:
    for body in ({}, {"code": "X"}, {"code": "X", "refereeUserId": "a b"}, {"code": "", "refereeUserId": "a"}):
        answer = client.post(PATH, json=body, headers=bearer(token))
        assert refused(answer) == (422, "validation_failed"), body
    for scope in ("member", "checkout", "orders"):
        assert refused(send(client, make_token(session, scope), "X", "a")) == (403, "forbidden")
    assert client.post(PATH, json={}).status_code == 401
    assert client.get(PATH, headers=bearer(token)).status_code == 405


def test_without_bonuses_nothing_is_posted_and_the_referral_still_converts(session: Session) -> None:
    none = rules(bonus=0, welcome=0)
    invite = make_invite(session, make_member(session), under=none)
    done = complete(session, invite.code, make_user(session).id, under=none)
    assert (done.invite.status, done.entries, done.upgrade) == ("converted", [], None)


def test_a_minimum_order_asks_for_the_amount(session: Session) -> None:
    strict = rules(minimum_order=5000)
    invite, friend = make_invite(session, make_member(session)), make_user(session).id
    with pytest.raises(InvalidInput, match="orderAmount"):
        complete(session, invite.code, friend, under=strict)
    with pytest.raises(problems.OrderTooSmall):
        complete(session, invite.code, friend, under=strict, order=Order("A", 4999))
    assert complete(session, invite.code, friend, under=strict, order=Order("A", 5000)).entries


def test_a_holding_period_keeps_both_credits_pending_and_shows_them(client: FlaskClient, session: Session) -> None:
    slow = rules(holding=14 * DAY)
    member, friend = make_member(session), make_user(session)
    invite = make_invite(session, member, under=slow)
    done = complete(session, invite.code, friend.id, under=slow)
    assert (done.entries, done.upgrade, done.invite.status) == ([], None, "converted")
    token = make_token(session, "member")
    for user_id, points in ((member.user_id, 500), (friend.id, 100)):
        path = "/api/v1/loyalty/referrals/conversions"
        answer = client.get(path, headers=bearer(token, user_id)).get_json()
        assert [credit["points"] for credit in answer["pendingCredits"]] == [points]
        assert answer["pointsEarned"] == 0
        due = [conversion["creditDueAt"] for conversion in answer["conversions"]]
        assert due == ([answer["pendingCredits"][0]["dueAt"]] if points == 500 else [])
    now = clock.now()
    assert ledger.activate_due(session, now + 13 * DAY, rules=RULES) is None
    assert ledger.activate_due(session, now + 15 * DAY, rules=RULES) == {"entries": 2, "points": 600, "members": 2}
    assert ledger.activate_due(session, now + 15 * DAY, rules=RULES) is None
    session.refresh(member)
    assert (member.balance, member.pending) == (500, 0)
    answer = client.get(path, headers=bearer(token, member.user_id)).get_json()
    assert (answer["pointsEarned"], "pendingCredits" in answer) == (500, False)
    assert "creditDueAt" not in answer["conversions"][0]
    assert find_differences(session) == []


def test_what_was_held_back_counts_for_tier_and_streak_by_the_date_of_the_conversion(session: Session) -> None:
    member, friend, at = make_member(session), make_member(session), datetime(2026, 3, 10, 12, tzinfo=UTC)
    slow = rules(holding=14 * DAY)
    complete(session, member.referral_code, friend.user_id, at=at, under=slow)
    for _ in range(2):
        ledger.activate_due(session, at + 14 * DAY, rules=RULES)
    entries = session.scalars(select(LedgerEntry).order_by(LedgerEntry.effect)).all()
    assert [(e.effect, e.amount, e.qualifying, e.qualifies_at, e.occurred_at) for e in entries] == [
        ("referee", 100, 100, at, at + 14 * DAY),
        ("referrer", 500, 500, at, at + 14 * DAY),
    ]
    assert set(session.scalars(select(StreakWeek.week))) == {date(2026, 3, 9)}


@pytest.mark.parametrize(("bonus", "welcome"), [(500, 0), (0, 100), (0, 0)])
def test_a_side_without_points_has_nothing_to_wait_for(session: Session, bonus: int, welcome: int) -> None:
    slow = rules(holding=DAY, bonus=bonus, welcome=welcome)
    member, friend = make_member(session), make_member(session)
    complete(session, member.referral_code, friend.user_id, under=slow, order=Order("A-1"))
    again = complete(session, member.referral_code, friend.user_id, under=slow, order=Order("A-1"))
    assert again.entries == []
    session.expire_all()
    assert (member.pending, friend.pending) == (bonus, welcome)
    ledger.activate_due(session, clock.now() + DAY, rules=RULES)
    session.expire_all()
    assert (member.balance, friend.balance) == (bonus, welcome)
    assert find_differences(session) == []


def test_a_refused_completion_leaves_nothing_behind(client: FlaskClient, session: Session, token: str) -> None:
    member = make_member(session)
    twin = make_user(session, email="twin@gmail.com")
    session.get_one(type(twin), member.user_id).email_normalized = "twin@gmail.com"
    invite = make_invite(session, member)
    assert refused(send(client, token, invite.code, twin.id)) == (422, "self_referral")
    assert session.get_one(ReferralInvite, (member.id, invite.id)).status == "sent"
    assert find_differences(session) == []


def test_the_promise_of_the_invite_is_kept_when_the_programme_changes(session: Session) -> None:
    invite = make_invite(session, make_member(session), under=REFERRAL_RULES)
    done = complete(session, invite.code, make_user(session).id, under=rules(bonus=1, welcome=1))
    assert [entry.amount for entry in done.entries] == [500, 100]
