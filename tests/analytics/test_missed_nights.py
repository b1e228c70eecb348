"""Nights without a snapshot: whatever was missed, the nights kept add up to the ledger."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import current_app
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from portal import ledger
from portal.analytics.models import AnalyticsSnapshot
from portal.analytics.snapshots import capture_snapshot
from portal.analytics.web.jobs import capture_loyalty_analytics_snapshot
from portal.ledger.models import LedgerEntry
from portal.members.models import Member
from portal.platform.audit import Act
from portal.platform.steps import EVERYBODY
from tests.factories.loyalty import RULES, earn, make_member

BERLIN = ZoneInfo("Europe/Berlin")
DAY = timedelta(days=1)
# Half past midnight in Berlin, the nights before the clocks go forward, before they go back, and one in between.
EVES = [datetime(2026, 3, 27, 23, 30, tzinfo=UTC), datetime(2026, 10, 23, 22, 30, tzinfo=UTC)]
STARTS = [*EVES, datetime(2026, 5, 31, 22, 30, tzinfo=UTC)]


def night_after(moment: datetime, days: int) -> datetime:
    return (moment.astimezone(BERLIN) + days * DAY).astimezone(UTC)


def live(session: Session, member: Member, moment: datetime, number: int) -> None:
    """What happens in the day before the moment: points come, are taken back, and expire."""
    at = moment - timedelta(hours=6)
    earn(session, member, 100 + number, at=at, expires_at=at + timedelta(hours=2))
    later = at + timedelta(hours=1)
    ledger.adjust_points(session, member.id, -3, Act("t", later, "Wrong"), rules=RULES, expires_at=None, metadata={})
    ledger.expire_scheduled_points(session, at + timedelta(hours=3))


def run_job(slot: datetime) -> None:
    for step in capture_loyalty_analytics_snapshot(slot):
        while step.work(EVERYBODY) is not None:
            pass


def nights(session: Session) -> list[dict[str, object]]:
    session.expire_all()
    return [dict(row.figures["points"]) for row in session.scalars(select(AnalyticsSnapshot).order_by("night"))]


def in_nights(session: Session) -> dict[str, int]:
    """The points of all nights together."""
    total: Counter[str] = Counter()
    for points in nights(session):
        total.update({name: points[name] for name in ("issued", "redeemed", "expired", "withdrawn")})  # type: ignore[misc]  # figures of a night are JSON
    return dict(total)


def in_ledger(session: Session) -> dict[str, int]:
    by_type = select(LedgerEntry.entry_type, func.sum(LedgerEntry.amount)).group_by(LedgerEntry.entry_type)
    sums = {kind: int(total) for kind, total in session.execute(by_type)}
    came, expired, withdrawn = sums["order"], -sums["expiration"], -sums["adjustment"]
    return {"issued": came, "redeemed": 0, "expired": expired, "withdrawn": withdrawn}


def check(session: Session) -> None:
    """The nights add up, each beginning where the one before ended."""
    assert in_nights(session) == in_ledger(session)
    kept = nights(session)
    assert [points["from"] for points in kept[1:]] == [points["to"] for points in kept[:-1]]


@pytest.fixture
def member(session: Session, monkeypatch: pytest.MonkeyPatch) -> Member:
    """A member of a programme in Berlin."""
    settings = current_app.config["SETTINGS"].model_copy(update={"programme_timezone": ZoneInfo("Europe/Berlin")})
    monkeypatch.setitem(current_app.config, "SETTINGS", settings)
    return make_member(session)


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("missed", [0, 1, 5, 40])
def test_missed_nights_are_made_good_as_of_their_time(
    session: Session, member: Member, start: datetime, missed: int
) -> None:
    live(session, member, start, 0)
    run_job(start)
    for number in range(1, missed + 2):
        live(session, member, night_after(start, number), number)
    run_job(night_after(start, missed + 1))
    check(session)
    assert [points["issued"] for points in nights(session)] == [100 + number for number in range(missed + 2)]


def test_what_was_before_the_first_night_is_kept_by_nights_of_its_own(session: Session, member: Member) -> None:
    for number in range(5):
        live(session, member, night_after(STARTS[2], number), number)
    run_job(night_after(STARTS[2], 4))
    check(session)
    assert [points["issued"] for points in nights(session)] == [100, 101, 102, 103, 104]


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [0, 3, 1, 2], [3, 0, 2, 1], [2, 0, 2, 3, 0, 1]])
def test_nights_captured_in_any_order_and_again_add_up(session: Session, member: Member, order: list[int]) -> None:
    for number in range(4):
        live(session, member, night_after(EVES[0], number), number)
    for number in order:
        capture_snapshot(session, night_after(EVES[0], number), BERLIN)
    check(session)


def test_a_night_captured_late_by_hand_moves_the_end_of_the_one_before(session: Session, member: Member) -> None:
    for number in range(3):
        live(session, member, night_after(EVES[0], number), number)
        capture_snapshot(session, night_after(EVES[0], number), BERLIN)
    capture_snapshot(session, night_after(EVES[0], 1) + timedelta(hours=20), BERLIN)
    check(session)


@pytest.mark.parametrize("lost", [[1], [1, 2], [1, 3], [3]])
def test_nights_whose_rows_were_taken_away_are_counted_by_those_after_them(
    session: Session, member: Member, lost: list[int]
) -> None:
    for number in range(5):
        live(session, member, night_after(EVES[0], number), number)
        if number < 4:
            run_job(night_after(EVES[0], number))
    gone = [night_after(EVES[0], number).astimezone(BERLIN).date() for number in lost]
    session.execute(delete(AnalyticsSnapshot).where(AnalyticsSnapshot.night.in_(gone)))
    run_job(night_after(EVES[0], 4))
    check(session)


def test_what_was_under_way_at_midnight_is_counted_by_the_next_run(session: Session, member: Member) -> None:
    live(session, member, EVES[0], 0)
    capture_snapshot(session, EVES[0], BERLIN)
    earn(session, member, 50, at=EVES[0] - timedelta(seconds=1))
    live(session, member, night_after(EVES[0], 1), 1)
    capture_snapshot(session, night_after(EVES[0], 1), BERLIN)
    check(session)
