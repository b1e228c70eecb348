"""`run_loyalty_progression`: streaks, expiry, holds and invites, once, in bounded pieces."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from portal import ledger
from portal.jobs.web.progression import run_loyalty_progression
from portal.ledger.models import EntryType, LedgerEntry, PointLot, StreakWeek
from portal.ledger.verify import find_differences
from portal.members.models import Member
from portal.platform import clock
from portal.platform.audit import Act
from portal.platform.db import unit_of_work
from portal.platform.models import OutboxMessage
from portal.platform.steps import Figures, Shard
from portal.platform.web.application import Portal
from portal.redemptions import lifecycle as redemptions
from portal.redemptions.lifecycle import HoldRules
from portal.redemptions.models import Redemption
from tests.concurrency import at_once
from tests.factories.loyalty import earn, make_member, make_tier

BERLIN = ZoneInfo("Europe/Berlin")
DAY = timedelta(days=1)


def progress(at: datetime | None = None) -> dict[str, Figures]:
    """Do all steps as of a moment; the figures of each."""
    totals: dict[str, Figures] = {}
    with clock.at(at or clock.now()):
        for step in run_loyalty_progression(clock.now()):
            for number in range(step.shards):
                while (piece := step.work(Shard(number, step.shards))) is not None:
                    total = totals.setdefault(step.name, {})
                    for name, value in piece.items():
                        total[name] = total.get(name, 0) + value
    return totals


def entries(kind: EntryType) -> list[LedgerEntry]:
    with unit_of_work() as session:
        found = session.scalars(select(LedgerEntry).where(LedgerEntry.entry_type == kind)).all()
        session.expunge_all()
        return list(found)


def order(member: Member, at: datetime, rules: ledger.EarningRules, points: int = 10) -> None:
    with unit_of_work() as session:
        posting = ledger.credit(
            member.id, points, EntryType.ORDER, source="order", external_id=at.isoformat(), rules=rules, at=at
        )
        ledger.post(session, [posting], at)


@pytest.fixture
def member(committed_app: Portal) -> Any:
    """A member, in the context of an application where commits are real."""
    with committed_app.app_context():
        with unit_of_work() as session:
            make_tier(session, "bronze", 0)
            made = make_member(session)
            session.expunge(made)
        yield made


def test_every_qualified_week_is_paid_once_however_late_and_often_the_job_runs(member: Member) -> None:
    rules = ledger.EarningRules(ZoneInfo("UTC"), 12)
    for week in range(5):
        order(member, datetime(2026, 3, 2 + 7 * 0, 12, tzinfo=UTC) + timedelta(weeks=week), rules)
    assert progress(datetime(2026, 5, 1, tzinfo=UTC))["streak_bonuses"] == {"entries": 5, "points": 125, "members": 1}
    assert progress(datetime(2026, 5, 2, tzinfo=UTC)) == {}
    paid = entries(EntryType.STREAK_BONUS)
    assert sorted(entry.entry_metadata["length"] for entry in paid) == [1, 2, 3, 4, 5]
    assert {entry.external_id for entry in paid} == {f"2026-03-{d:02}" for d in (2, 9, 16, 23, 30)}
    with unit_of_work() as session:
        assert all(week.paid_entry_id for week in session.scalars(select(StreakWeek)))
        assert find_differences(session) == []


def test_a_bonus_qualifies_no_week_of_its_own(member: Member) -> None:
    order(member, datetime(2026, 3, 2, 12, tzinfo=UTC), ledger.EarningRules(ZoneInfo("UTC"), 12))
    progress(datetime(2026, 3, 12, tzinfo=UTC))
    with unit_of_work() as session:
        assert session.scalars(select(StreakWeek.week)).all() == [date(2026, 3, 2)]


@pytest.mark.parametrize(
    ("moment", "week"),
    [
        ("2026-03-29T21:59:59+00:00", date(2026, 3, 23)),  # Sunday 23:59:59 in Berlin, on the day the clocks go forward
        ("2026-03-29T22:00:00+00:00", date(2026, 3, 30)),
        ("2026-10-25T22:59:59+00:00", date(2026, 10, 19)),  # the same on the day they go back
        ("2026-10-25T23:00:00+00:00", date(2026, 10, 26)),
        ("2027-01-03T22:59:59+00:00", date(2026, 12, 28)),  # a week over the new year
    ],
)
def test_weeks_end_on_sunday_midnight_in_the_programmes_time_zone(member: Member, moment: str, week: date) -> None:
    order(member, datetime.fromisoformat(moment), ledger.EarningRules(BERLIN, 12))
    progress(datetime(2027, 2, 1, tzinfo=UTC))
    assert [entry.external_id for entry in entries(EntryType.STREAK_BONUS)] == [week.isoformat()]


def test_a_bonus_that_lifts_a_member_is_announced(member: Member) -> None:
    with unit_of_work() as session:
        make_tier(session, "silver", 30)
    order(member, datetime(2026, 3, 2, 12, tzinfo=UTC), ledger.EarningRules(ZoneInfo("UTC"), 12))
    progress(datetime(2026, 3, 3, tzinfo=UTC))
    with unit_of_work() as session:
        assert [row.topic for row in session.scalars(select(OutboxMessage))] == ["tier_upgraded"]


def test_stale_holds_are_cancelled_and_their_late_points_expire(member: Member) -> None:
    start = clock.now()
    with unit_of_work() as session:
        earn(session, session.get_one(Member, member.id), 100, expires_at=start + 10 * DAY)
        redemptions.reserve_points(
            session,
            member.user_id,
            redemptions.Wish(points=60, description="Voucher"),
            Act("test", start),
            rules=HoldRules(30 * DAY),
        )
    assert progress(start + 11 * DAY)["expired_points"] == {"entries": 1, "points": 40, "members": 1}
    late = progress(start + 31 * DAY)
    assert late["stale_holds"] == {"cancelled": 1}
    assert late["expired_points"] == {"entries": 1, "points": 60, "members": 1}
    with unit_of_work() as session:
        assert session.scalars(select(Redemption.failure_reason)).all() == ["hold_expired"]
        assert session.get_one(Member, member.id).balance == 25, "the bonus of the week"
        assert find_differences(session) == []


def test_running_it_at_once_in_many_places_expires_every_lot_once(committed_app: Portal) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        soon = clock.now() + DAY
        for _ in range(40):
            made = make_member(session)
            for points in (5, 7):
                earn(session, made, points, expires_at=soon)
    late = clock.now() + 2 * DAY
    at_once(committed_app, 6, lambda _: progress(late))
    with committed_app.app_context(), unit_of_work() as session:
        assert sum(row.amount for row in session.scalars(select(LedgerEntry)) if row.entry_type == "expiration") == -480
        assert {lot.remaining for lot in session.scalars(select(PointLot)) if lot.points != 25} == {0}
        assert find_differences(session) == []


def test_pending_credits_activate_before_streaks_are_paid_and_are_counted(member: Member) -> None:
    start, rules = datetime(2026, 3, 2, 12, tzinfo=UTC), ledger.EarningRules(ZoneInfo("UTC"), 12)
    with unit_of_work() as session:
        other = make_member(session)
        put_aside = [
            ledger.PendingCredit(
                who.id, points, EntryType.ORDER, "order", "A-1", effect, start + DAY, start, week=rules.week(start)
            )
            for who, points, effect in ((member, 48, "a"), (member, 2, "b"), (other, 5, "c"))
        ]
        ledger.put_aside(session, put_aside, start)
    assert progress(start) == {}
    figures = progress(start + DAY)
    assert figures["activated_credits"] == {"entries": 3, "points": 55, "members": 2}
    assert figures["streak_bonuses"] == {"entries": 2, "points": 50, "members": 2}
    assert progress(start + 2 * DAY) == {}
    with unit_of_work() as session:
        assert find_differences(session) == []
