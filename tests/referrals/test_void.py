"""POST /referrals/{id}/void: a conversion is undone on both sides, pending or paid, and stays undone."""

from collections import Counter
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.accounts.models import User
from portal.ledger import activate_due
from portal.ledger.models import LedgerEntry, StreakWeek
from portal.ledger.verify import find_differences
from portal.members.models import Member
from portal.platform import clock, ids
from portal.platform.db import unit_of_work
from portal.platform.models import AuditEntry
from portal.platform.web.application import Portal
from portal.referrals.models import ReferralInvite
from tests.concurrency import at_once
from tests.factories.accounts import bearer, csrf, make_token, make_user, sign_in
from tests.factories.loyalty import RULES, earn, make_member, make_reward, request_reward
from tests.factories.referrals import DAY, complete, make_invite, rules

WHY = {"reason": "both are one person"}
BASE = "/api/v1/loyalty"


@pytest.fixture
def token(session: Session) -> str:
    return make_token(session, "admin")


@pytest.fixture
def pair(session: Session) -> tuple[Member, Member]:
    """Ada, who invites, and Ben, her friend."""
    ada = make_member(session, make_user(session, id="ada", name="Ada"))
    return ada, make_member(session, make_user(session, id="ben", name="Ben"))


def void(client: FlaskClient, token: str, invite: ReferralInvite, body: Any = WHY) -> Any:
    return client.post(f"{BASE}/referrals/{ids.encode(invite.id)}/void", json=body, headers=bearer(token))


def refused(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["code"]


def figures(session: Session, *members: Member) -> list[tuple[int, int, int, int]]:
    """Balance, pending, owed and earned points of each."""
    for member in members:
        session.refresh(member)
    return [(m.balance, m.pending, m.owed, m.lifetime_earned) for m in members]


def test_both_sides_are_taken_back_and_the_figures_follow(
    client: FlaskClient, session: Session, token: str, pair: tuple[Member, Member]
) -> None:
    ada, ben = pair
    invite, other = make_invite(session, ada), make_invite(session, ada)
    complete(session, invite.code, "ben")
    answer = void(client, token, invite)
    assert answer.status_code == 200
    document = answer.get_json()
    assert (document["referral"]["status"], document["referral"]["rewardPoints"]) == ("reversed", 500)
    told = [(e["entryType"], e["amount"], e["metadata"]["referral_code"]) for e in document["ledgerEntries"]]
    assert told == [("reversal", -500, invite.code), ("reversal", -100, invite.code)]
    assert figures(session, ada, ben) == [(0, 0, 0, 0), (0, 0, 0, 0)]
    page = client.get(f"{BASE}/referrals/conversions", headers=bearer(token, "ada")).get_json()
    assert page["invites"] == {
        "draft": 0,
        "sent": 1,
        "converted": 0,
        "cancelled": 0,
        "expired": 0,
        "reversed": 1,
        "total": 2,
    }
    assert (page["pointsEarned"], page["conversionRate"], page["conversions"]) == (0, 0.0, [])
    listed = client.get(f"{BASE}/referrals", headers=bearer(token, "ada")).get_json()["referrals"]
    assert {each["id"]: each["status"] for each in listed} == {
        ids.encode(invite.id): "reversed",
        ids.encode(other.id): "sent",
    }
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "referral.void")).one()
    assert (entry.object_id, entry.reason) == (ids.encode(invite.id), WHY["reason"])
    assert (entry.before, entry.after) == (
        {"status": "converted"},
        {"status": "reversed", "pointsTakenBack": {"referrer": 500, "referee": 100}},
    )
    assert find_differences(session) == []


def test_a_week_that_only_the_referral_had_is_none_of_the_streak(
    client: FlaskClient, session: Session, token: str, pair: tuple[Member, Member]
) -> None:
    invite = make_invite(session, pair[0])
    complete(session, invite.code, "ben")
    earn(session, pair[1], 10)
    assert len(session.scalars(select(StreakWeek)).all()) == 2
    void(client, token, invite)
    assert session.scalars(select(StreakWeek.member_id)).all() == [pair[1].id]


def test_what_is_pending_is_dropped_without_an_entry_and_never_paid(
    client: FlaskClient, session: Session, token: str, pair: tuple[Member, Member]
) -> None:
    invite = make_invite(session, pair[0])
    complete(session, invite.code, "ben", under=rules(holding=14 * DAY))
    assert figures(session, *pair) == [(0, 500, 0, 0), (0, 100, 0, 0)]
    assert void(client, token, invite).get_json()["ledgerEntries"] == []
    assert figures(session, *pair) == [(0, 0, 0, 0), (0, 0, 0, 0)]
    assert activate_due(session, clock.now() + 30 * DAY, rules=RULES) is None
    assert session.scalars(select(LedgerEntry)).all() == []
    assert find_differences(session) == []


def test_what_was_spent_is_owed_and_a_hold_is_not_broken(
    client: FlaskClient, session: Session, token: str, pair: tuple[Member, Member]
) -> None:
    ada, ben = pair
    invite = make_invite(session, ada)
    complete(session, invite.code, "ben")
    make_reward(session, "mug", 450)
    request_reward(session, ada, "mug")
    earn(session, ben, 30)
    void(client, token, invite)
    assert figures(session, ada, ben) == [(450, 0, 450, 0), (30, 0, 0, 30)]
    assert find_differences(session) == []


@pytest.mark.parametrize(("shortfall", "owed"), [("owe", 400), ("available", 0), ("order_only", 0)])
def test_the_programme_says_what_becomes_of_what_is_missing(
    client: FlaskClient, session: Session, token: str, pair: tuple[Member, Member], shortfall: str, owed: int
) -> None:
    app = client.application
    invite = make_invite(session, pair[0])
    complete(session, invite.code, "ben")
    make_reward(session, "mug", 400)
    request_reward(session, pair[0], "mug")
    before = app.config["SETTINGS"]
    app.config["SETTINGS"] = before.model_copy(update={"refund_shortfall": shortfall})
    try:
        void(client, token, invite)
    finally:
        app.config["SETTINGS"] = before
    assert figures(session, pair[0]) == [(400, 0, owed, 0)]
    assert find_differences(session) == []


@pytest.mark.parametrize("holding", [0, 14])
@pytest.mark.parametrize("standing", ["suspended", "disabled"])
def test_a_suspended_or_disabled_members_points_are_taken_all_the_same(
    client: FlaskClient, session: Session, token: str, pair: tuple[Member, Member], standing: str, holding: int
) -> None:
    invite = make_invite(session, pair[0])
    complete(session, invite.code, "ben", under=rules(holding=holding * DAY))
    for member in pair:
        if standing == "suspended":
            member.status = "suspended"
        else:
            session.get_one(User, member.user_id).disabled_at = clock.now()
    session.flush()
    assert void(client, token, invite).status_code == 200
    assert figures(session, *pair) == [(0, 0, 0, 0), (0, 0, 0, 0)]


def test_the_friend_never_converts_again_by_any_code_and_others_still_do(
    client: FlaskClient, session: Session, token: str, pair: tuple[Member, Member]
) -> None:
    ada, _ = pair
    invite, other = make_invite(session, ada), make_invite(session, ada)
    elses = make_invite(session, make_member(session))
    complete(session, invite.code, "ben")
    void(client, token, invite)
    for code in (invite.code, other.code, ada.referral_code, elses.code):
        body = {"code": code, "refereeUserId": "ben", "orderReference": "B-9"}
        answer = client.post(f"{BASE}/referrals/complete", json=body, headers=bearer(token))
        assert refused(answer) in ((409, "referee_already_referred"), (409, "referral_already_converted")), code
    again = client.post(
        f"{BASE}/referrals/complete", json={"code": other.code, "refereeUserId": "ben"}, headers=bearer(token)
    )
    assert refused(again) == (409, "referee_already_referred")
    assert again.get_json()["referralId"] == ids.encode(invite.id)
    friend = make_user(session)
    assert complete(session, other.code, friend.id).invite.status == "converted"
    assert figures(session, ada) == [(500, 0, 0, 500)]


def test_it_is_refused_for_what_has_no_conversion(
    client: FlaskClient, session: Session, token: str, pair: tuple[Member, Member]
) -> None:
    ada, _ = pair
    opened, converted = make_invite(session, ada), make_invite(session, ada)
    expired = make_invite(session, ada, at=clock.now() - 91 * DAY)
    complete(session, converted.code, "ben")
    assert refused(void(client, token, opened)) == (409, "referral_not_converted")
    assert void(client, token, expired).get_json()["currentStatus"] == "expired"
    assert void(client, token, converted).status_code == 200
    assert refused(void(client, token, converted)) == (409, "referral_already_reversed")
    assert void(client, token, converted).get_json()["referralId"] == ids.encode(converted.id)
    unknown = client.post(f"{BASE}/referrals/{ids.encode(ids.new_id())}/void", json=WHY, headers=bearer(token))
    assert refused(unknown) == (404, "referral_not_found")
    for body in ({}, {"reason": " "}, {"reason": "x" * 201}, {**WHY, "points": 1}):
        assert void(client, token, opened, body).status_code == 422, body


def test_who_was_brought_by_a_voided_referral_closes_no_circle(
    session: Session, client: FlaskClient, token: str, pair: tuple[Member, Member]
) -> None:
    ada, ben = pair
    invite = make_invite(session, ada)
    complete(session, invite.code, "ben")
    void(client, token, invite)
    assert complete(session, make_invite(session, ben).code, "ada").invite.status == "converted"


@pytest.mark.parametrize("htmx", [False, True])
def test_operators_void_in_the_console_with_before_and_after(
    client: FlaskClient, session: Session, pair: tuple[Member, Member], htmx: bool
) -> None:
    ada, _ = pair
    earn(session, ada, 740)
    invite = make_invite(session, ada)
    complete(session, invite.code, "ben")
    sign_in(client, make_user(session, role="operator"))
    page, headers = f"/admin/referrals/{ids.encode(invite.id)}", {"HX-Request": "true"} if htmx else {}
    assert f"{page}/void" in client.get(page).text
    asked = client.get(f"{page}/void", headers=headers).text
    assert "Ada: 1,240 → 740 points." in asked
    assert "Ben: 100 → 0 points." in asked
    form = {"csrf_token": csrf(client), "idempotency_key": ids.encode(ids.new_id())}
    assert client.post(f"{page}/void", data=form, headers=headers).status_code == 422
    assert client.post(f"{page}/void", data={**form, "reason": "one person"}, headers=headers).status_code in (200, 303)
    shown = client.get(page).text
    assert "voided by hand" in shown
    assert f"{page}/void" not in shown
    assert client.get("/admin/referrals?status=reversed").text.count('data-testid="row"') == 1
    assert client.get("/admin/referrals?status=converted").text.count('data-testid="row"') == 0
    again = client.post(f"{page}/void", data={**form, "idempotency_key": "2", "reason": "again"}, headers=headers)
    assert again.status_code == 409
    assert figures(session, ada) == [(740, 0, 0, 740)]


def test_the_hub_says_so_to_both(
    client: FlaskClient, session: Session, token: str, pair: tuple[Member, Member]
) -> None:
    invite = make_invite(session, pair[0], name="Ben")
    complete(session, invite.code, "ben")
    void(client, token, invite)
    sign_in(client, session.get_one(User, "ada"))
    hub = client.get("/account/loyalty").text
    assert "Ben joined, which no longer counts" in hub
    assert "The 500 points for it were taken back." in hub
    dashboard = client.get("/account/referrals").text
    assert 'data-status="reversed"' in dashboard
    assert "Taken back" in dashboard
    page = client.get(f"{BASE}/ledger", headers=bearer(token, "ada")).get_json()
    entry = client.get(f"{BASE}/ledger/{page['entries'][0]['id']}", headers=bearer(token, "ada")).get_json()
    assert entry["explanation"]["sentence"] == (
        f"500 points taken back: the shop has voided the referral with your code {invite.code}."
    )


def test_voids_completions_and_voids_of_one_referral_at_once(committed_app: Portal) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        token = make_token(session, "admin")
        ada = make_member(session)
        invite, friend = make_invite(session, ada), make_user(session)
        complete(session, invite.code, friend.id)
        key, code, friend_id = ids.encode(invite.id), make_invite(session, ada).code, friend.id

    def call(number: int) -> int:
        body = WHY if number % 2 else {"code": code, "refereeUserId": friend_id, "orderReference": f"A-{number}"}
        path = f"referrals/{key}/void" if number % 2 else "referrals/complete"
        client = committed_app.test_client()
        return int(client.post(f"{BASE}/{path}", json=body, headers=bearer(token)).status_code)

    assert Counter(at_once(committed_app, 12, call)) == {200: 1, 409: 11}
    with committed_app.app_context(), unit_of_work() as session:
        assert Counter(session.scalars(select(LedgerEntry.amount))) == {500: 1, 100: 1, -500: 1, -100: 1}
        assert find_differences(session) == []
