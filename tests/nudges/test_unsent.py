"""Nudges that are over before anything was decided about them: why they are not sent is recorded, once."""

from datetime import datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from portal.members.models import Member
from portal.notifications.totals import get_totals
from portal.nudges.campaigns import put_campaign
from portal.nudges.candidates import aggregate_nudge_candidates
from portal.nudges.dispatch import dispatch_batch
from portal.nudges.feed import refresh_and_list_nudges, update_nudge_status
from portal.nudges.models import Nudge, NudgeDispatchEvent
from portal.platform import clock
from portal.platform.audit import Act
from portal.platform.db import unit_of_work
from portal.platform.web.application import Portal
from tests.nudges.people import DAY, decisions, expire_soon, make_due, run


def aggregate(at: datetime | None = None) -> None:
    with clock.at(at or clock.now()), unit_of_work() as session:
        aggregate_nudge_candidates(session, clock.now())


def spend_all(session: Session, member: Member) -> None:
    spent = "UPDATE loyalty_point_expirations SET remaining = 0 WHERE member_id = :id"
    session.execute(text(spent), {"id": member.id})


def switch_off(session: Session, member: Member) -> None:
    put_campaign(session, "expiring_points", {"active": False}, Act("test", clock.now()))


def let_run_out(session: Session, member: Member) -> None:
    session.execute(update(Nudge).values(expires_at=clock.now()))


def bring_another(session: Session, member: Member) -> None:
    expire_soon(session, session.get_one(Member, member.id), days=3)


@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (spend_all, "cause_gone"),
        (switch_off, "campaign_inactive"),
        (let_run_out, "expired"),
        (bring_another, "superseded"),
    ],
)
def test_what_ends_before_it_was_looked_at_has_its_reason(shop: Portal, end: Any, reason: str, listed: bool) -> None:
    member = make_due()
    aggregate()
    assert decisions(member) == []
    with unit_of_work() as session:
        end(session, member)
    for _ in range(2):
        if listed:  # by the member's own request
            with unit_of_work() as session:
                refresh_and_list_nudges(session, member.user_id, clock.now())
        aggregate()
    assert decisions(member) == [("suppressed", reason, None)]
    with unit_of_work() as session:
        event = session.scalars(select(NudgeDispatchEvent)).one()
        assert (event.details, event.campaign_id is not None) == ({"signal": "expiring_points"}, True)
        assert session.get_one(Nudge, (member.id, event.nudge_id)).status == "gone"
    counted = {tuple(sample.labels.values()): sample.value for sample in get_totals().samples}
    assert counted["nudge", "none", "suppressed"] == 1


@pytest.mark.parametrize("answer", ["acknowledged", "dismissed"])
def test_what_was_answered_before_it_was_sent_has_its_reason(shop: Portal, answer: str) -> None:
    member = make_due()
    aggregate()
    with unit_of_work() as session:
        nudge_id = session.scalars(select(Nudge.id)).one()
    for _ in range(2):
        with unit_of_work() as session:
            update_nudge_status(session, member.user_id, nudge_id, answer, clock.now())
    run(clock.now() + 11 * DAY)
    assert decisions(member) == [("suppressed", "answered", None)]


def test_many_at_once_are_recorded_together_and_what_was_decided_keeps_its_reason(shop: Portal) -> None:
    unsent, unwilling, sent = [make_due() for _ in range(5)], make_due(False), make_due()
    aggregate()
    with unit_of_work() as session:
        later = update(Nudge).where(Nudge.member_id.in_([member.id for member in unsent]))
        session.execute(later.values(next_dispatch_at=clock.now() + DAY))
    while dispatch_batch():
        continue
    aggregate(clock.now() + 11 * DAY)
    assert {tuple(decisions(member)) for member in unsent} == {(("suppressed", "cause_gone", None),)}
    assert decisions(unwilling) == [("suppressed", "no_consent", None)]
    assert decisions(sent) == [("sent", "due", "email")]


def test_what_was_put_off_and_then_ended_has_both_reasons(shop: Portal) -> None:
    now = clock.now()
    hour = time(now.hour, tzinfo=None)
    member = make_due(quiet=(hour, (now + timedelta(hours=2)).time().replace(tzinfo=None)), timezone="UTC")
    run()
    with unit_of_work() as session:
        spend_all(session, member)
    aggregate()
    assert [row[:2] for row in decisions(member)] == [("deferred", "quiet_hours"), ("suppressed", "cause_gone")]


def test_what_ended_unsent_and_has_its_cause_again_is_sent(shop: Portal) -> None:
    member = make_due()
    aggregate()
    with unit_of_work() as session:
        spend_all(session, member)
    aggregate()
    with unit_of_work() as session:
        back = "UPDATE loyalty_point_expirations SET remaining = 120 WHERE member_id = :id"
        session.execute(text(back), {"id": member.id})
    run()
    assert [row[:2] for row in decisions(member)] == [("suppressed", "cause_gone"), ("sent", "due")]
