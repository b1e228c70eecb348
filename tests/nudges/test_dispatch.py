"""Dispatch: who gets what by which channel, and why not (CONTRACT rules 16, 17 and 19)."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.accounts.models import User
from portal.accounts.preferences import Preferences, put_preferences
from portal.members.models import Member
from portal.notifications.models import Message
from portal.nudges.campaigns import put_campaign
from portal.nudges.candidates import aggregate_nudge_candidates
from portal.nudges.dispatch import collect_nudge_dispatch_batch, dispatch, dispatch_batch
from portal.nudges.feed import refresh_and_list_nudges, update_nudge_status
from portal.nudges.models import Nudge
from portal.nudges.rules import NudgeRules
from portal.platform import clock
from portal.platform.audit import Act
from portal.platform.db import unit_of_work
from portal.platform.web.application import Portal
from tests.factories.checkout import make_intent
from tests.factories.loyalty import make_reward
from tests.nudges.people import DAY, PUSH, decisions, expire_soon, make_due, run
from tests.sink import Sink


def again(session: Session, member: Member) -> Member:
    return session.get_one(Member, member.id)


def test_a_due_nudge_is_one_mail_with_both_parts_and_a_way_out(mailing_shop: Portal, sink: Sink) -> None:
    member = make_due(name="Ada Andersson")
    run()
    run()
    (mail,) = sink.mails
    text, page = mail.get_body(("plain",)), mail.get_body(("html",))
    assert mail["Subject"] == "120 points expire soon"
    assert "Hello Ada" in text.get_content()
    assert "You have 120 points that expire by" in text.get_content()
    assert "/account/loyalty" in page.get_content()
    assert mail["List-Unsubscribe"].startswith("<http://localhost/unsubscribe/")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert decisions(member) == [("sent", "due", "email")]
    with unit_of_work() as session:
        nudge = session.scalars(select(Nudge)).one()
        assert nudge.last_notified_at is not None
        assert nudge.next_dispatch_at == nudge.last_notified_at + 7 * DAY


def test_without_a_provider_operators_read_it_in_the_preview_inbox(shop: Portal) -> None:
    member = make_due()
    run()
    with unit_of_work() as session:
        kept = session.scalars(select(Message)).one()
    assert (kept.kind, kept.status, kept.backend, kept.user_id) == ("nudge", "sent", "preview", member.user_id)
    assert (kept.subject, kept.details["signal"]) == ("120 points expire soon", "expiring_points")


@pytest.mark.parametrize(
    ("wishes", "reason"),
    [
        ({"marketing": False}, "no_consent"),
        ({"marketing": None}, "no_consent"),
        ({"muted": ("nudge",)}, "kind_muted"),
        ({"email": False}, "no_channel"),
    ],
)
def test_who_does_not_want_it_gets_none_once_recorded_and_keeps_the_card(
    shop: Portal, wishes: dict[str, object], reason: str
) -> None:
    member = make_due(**wishes)  # type: ignore[arg-type]  # fields of a person
    for hours in (0, 1, 25, 50):
        run(clock.now() + timedelta(hours=hours))
    assert decisions(member) == [("suppressed", reason, None)]
    with unit_of_work() as session:
        assert session.scalar(select(func.count()).select_from(Message)) == 0
        assert [card["type"] for card in refresh_and_list_nudges(session, member.user_id, clock.now())] == [
            "expiring_points"
        ]


def test_consent_given_later_lets_it_leave_a_day_later_at_most(shop: Portal) -> None:
    member = make_due(False)
    run()
    with unit_of_work() as session:
        put_preferences(session, member.user_id, Preferences(True), ())
    run(clock.now() + timedelta(hours=24, minutes=1))
    assert decisions(member) == [("suppressed", "no_consent", None), ("sent", "due", "email")]


def test_the_first_channel_of_the_campaign_that_the_member_has_is_taken(shop: Portal) -> None:
    with unit_of_work() as session:
        put_campaign(session, "expiring_points", {"channels": ["push", "sms", "email"]}, Act("test", clock.now()))
    both, phone, mail = make_due(push_token=PUSH), make_due(phone_number="+14155552671"), make_due()
    run()
    assert [decisions(member)[0][2] for member in (both, phone, mail)] == ["push", "sms", "email"]


def test_suspended_and_disabled_people_are_left_alone(shop: Portal) -> None:
    suspended, disabled = make_due(), make_due()
    with unit_of_work() as session:
        again(session, suspended).status = "suspended"
        session.get_one(User, disabled.user_id).disabled_at = clock.now()
    run()
    assert decisions(suspended) == [("suppressed", "member_suspended", None)]
    assert decisions(disabled) == [("suppressed", "no_such_user", None)]


def test_a_campaigns_cap_holds_until_its_hours_are_over(shop: Portal) -> None:
    member, now = make_due(), clock.now()
    run()
    with unit_of_work() as session:
        expire_soon(session, again(session, member), 30, days=11)
    run(now + 2 * DAY)
    run(now + 6 * DAY)
    assert decisions(member) == [("sent", "due", "email"), ("suppressed", "campaign_cap", None)]
    run(now + 7 * DAY + timedelta(minutes=1))
    assert decisions(member)[2:] == [("sent", "due", "email")]


def test_an_unanswered_nudge_is_sent_again_after_the_cap_and_an_answered_one_is_not(shop: Portal) -> None:
    silent, answered, now = make_due(), make_due(), clock.now()
    run()
    with unit_of_work() as session:
        nudge = session.scalars(select(Nudge.id).where(Nudge.member_id == answered.id)).one()
        update_nudge_status(session, answered.user_id, nudge, "acknowledged", now)
    for days in (3, 7.1, 9.9, 15, 30):
        run(now + days * DAY)
    assert decisions(silent) == [("sent", "due", "email")] * 2
    assert decisions(answered) == [("sent", "due", "email")]


def test_the_daily_cap_is_over_all_campaigns_and_the_most_urgent_go_first(shop: Portal) -> None:
    member, now = make_due(timezone="Pacific/Auckland"), clock.now()
    with unit_of_work() as session:
        make_reward(session, "mug", 10)
        for reward in (None, "mug"):
            make_intent(session, again(session, member), reward=reward, ttl=5 * DAY)
    run()
    found = decisions(member)
    assert [row[:2] for row in found] == [("sent", "due")] * 2 + [("suppressed", "daily_cap")]
    run(now + timedelta(hours=25))
    assert len([row for row in decisions(member) if row[0] == "sent"]) == 3


def test_a_cause_that_went_right_before_sending_stops_it(shop: Portal) -> None:
    member = make_due(False)
    run()
    with unit_of_work() as session:
        put_preferences(session, member.user_id, Preferences(True), ())
    with clock.at(clock.now() + 11 * DAY):
        assert dispatch_batch() is not None
        assert dispatch_batch() is None
    assert decisions(member)[1:] == [("suppressed", "cause_gone", None)]


def test_a_campaign_made_inactive_stops_it(shop: Portal) -> None:
    member = make_due(False)
    run()
    with unit_of_work() as session:
        put_campaign(session, "expiring_points", {"active": False}, Act("test", clock.now()))
    with clock.at(clock.now() + 2 * DAY):
        dispatch_batch()
    assert decisions(member)[1:] == [("suppressed", "campaign_inactive", None)]


def test_what_a_provider_refuses_goes_by_the_next_channel(mailing_shop: Portal, sink: Sink) -> None:
    member, lonely = make_due(phone_number="+14155552671"), make_due()
    sink.answers["RCPT"] = lambda _: "550 No such user"
    run()
    assert decisions(member) == [("failed", "provider_refused", "email"), ("sent", "due", "sms")]
    assert decisions(lonely) == [("failed", "provider_refused", "email"), ("suppressed", "no_channel", None)]


def test_a_provider_that_says_later_is_asked_again_and_gets_it_once(mailing_shop: Portal, sink: Sink) -> None:
    member, now = make_due(), clock.now()
    sink.answers["RCPT"] = lambda _: "451 Later"
    run()
    assert decisions(member) == [("deferred", "provider_unavailable", "email")]
    sink.answers.clear()
    run(now + timedelta(minutes=1))
    assert sink.mails == []
    run(now + timedelta(minutes=12))
    run(now + timedelta(minutes=30))
    assert len(sink.mails) == 1
    assert decisions(member) == [("sent", "due", "email")]


def test_a_batch_is_bounded_and_by_member_then_priority(shop: Portal) -> None:
    members = {make_due().id for _ in range(5)}
    with unit_of_work() as session:
        aggregate_nudge_candidates(session, clock.now())
        found = collect_nudge_dispatch_batch(session, clock.now(), limit=3)
    assert len(found) == 3
    assert [due.member_id for due in found] == sorted(due.member_id for due in found)
    assert {due.member_id for due in found} <= members


def test_one_that_another_took_the_place_of_is_not_sent_and_its_decisions_stay(shop: Portal) -> None:
    member = make_due()
    with unit_of_work() as session:
        aggregate_nudge_candidates(session, clock.now())
        (overtaken,) = collect_nudge_dispatch_batch(session, clock.now())
        expire_soon(session, again(session, member), days=3)
    assert dispatch(overtaken, NudgeRules.current()) == "held"
    run()
    assert decisions(member) == [("suppressed", "superseded", None), ("sent", "due", "email")]
