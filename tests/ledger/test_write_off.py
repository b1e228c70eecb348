"""Debts that are old are written off at night, in batches, and each in the audit log."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal import ledger
from portal.jobs.web.nightly import purge_old_records
from portal.ledger.verify import find_differences
from portal.members.models import Member
from portal.platform import clock, ids
from portal.platform.db import unit_of_work
from portal.platform.settings import current_settings
from portal.platform.steps import EVERYBODY, Figures
from portal.platform.web.application import Portal
from tests.concurrency import at_once
from tests.factories.loyalty import RULES, earn, make_member, owe

OWED_AT = datetime(2026, 2, 10, 12, tzinfo=UTC)
DAY_IS_OVER = datetime(2027, 2, 11, tzinfo=UTC)
ENTRIES = text("""
    SELECT object_id, actor, reason, before, after FROM audit_log WHERE action = 'owed.write_off' ORDER BY id
""")
DEBTS = text("SELECT points, recovered, written_off, reason, written_off_at FROM loyalty_owed ORDER BY owed_at")


def give_up(session: Session, now: datetime, limit: int = 500, months: int = 12) -> Figures | None:
    return ledger.write_off_old(session, now, months=months, rules=RULES, limit=limit)


def owed_by(session: Session, member: Member) -> int:
    session.refresh(member)
    assert find_differences(session) == []
    return member.owed


def make_debtor(session: Session, points: int, at: datetime = OWED_AT) -> Member:
    member = make_member(session)
    owe(session, member, points, at=at)
    return member


@pytest.mark.parametrize(
    ("months", "now", "left"),
    [
        (12, DAY_IS_OVER - timedelta(microseconds=1), 80),
        (12, DAY_IS_OVER, 0),
        (12, DAY_IS_OVER + timedelta(days=400), 0),
        (1, datetime(2026, 3, 11, tzinfo=UTC), 0),
        (0, DAY_IS_OVER + timedelta(days=4000), 80),
    ],
)
def test_a_debt_is_given_up_when_its_months_are_over(session: Session, months: int, now: datetime, left: int) -> None:
    member = make_debtor(session, 80)
    done = give_up(session, now, months=months)
    assert done == (None if left else {"members": 1, "points": 80})
    assert owed_by(session, member) == left
    assert give_up(session, now, months=months) is None


def test_only_what_is_still_owed_of_what_is_old_is_given_up(session: Session) -> None:
    member = make_debtor(session, 80)
    earn(session, member, 30, at=OWED_AT)
    ledger.post(session, [later(member, 200)], OWED_AT + timedelta(days=300))
    owe(session, member, 20, at=OWED_AT + timedelta(days=300))
    assert give_up(session, DAY_IS_OVER) is None
    assert [tuple(row) for row in session.execute(DEBTS)] == [(80, 80, 0, None, None), (20, 0, 0, None, None)]
    assert owed_by(session, member) == 20


def later(member: Member, points: int) -> ledger.Posting:
    at = OWED_AT + timedelta(days=300)
    kind = ledger.EntryType.EVENT
    return ledger.credit(member.id, points, kind, source="event", external_id="later", rules=RULES, at=at)


def test_a_part_that_was_paid_stays_paid(session: Session) -> None:
    member = make_debtor(session, 80)
    ledger.post(session, [later(member, 30)], OWED_AT)
    assert give_up(session, DAY_IS_OVER) == {"members": 1, "points": 50}
    assert [tuple(row) for row in session.execute(DEBTS)] == [(80, 30, 50, "too_old", DAY_IS_OVER)]
    assert owed_by(session, member) == 0


def test_batches_are_bounded_and_the_oldest_come_first(session: Session) -> None:
    members = [make_debtor(session, 10 + number, OWED_AT - timedelta(days=number)) for number in range(5)]
    assert give_up(session, DAY_IS_OVER, limit=2) == {"members": 2, "points": 13 + 14}
    assert [owed_by(session, member) for member in members] == [10, 11, 12, 0, 0]
    assert give_up(session, DAY_IS_OVER, limit=2) == {"members": 2, "points": 11 + 12}
    assert give_up(session, DAY_IS_OVER, limit=2) == {"members": 1, "points": 10}
    assert give_up(session, DAY_IS_OVER, limit=2) is None


def test_each_member_has_an_entry_in_the_audit_log(session: Session) -> None:
    member = make_debtor(session, 80)
    give_up(session, DAY_IS_OVER)
    assert [tuple(row) for row in session.execute(ENTRIES)] == [
        (ids.encode(member.id), "job:owed_write_off", "Owed for more than 12 months", {"owed": 80}, {"owed": 0})
    ]


@pytest.mark.parametrize(("months", "left"), [(12, 0), (24, 80), (0, 80)])
def test_the_nightly_job_asks_the_setting(
    app: Portal, session: Session, monkeypatch: pytest.MonkeyPatch, months: int, left: int
) -> None:
    member = make_debtor(session, 80, clock.now() - timedelta(days=400))
    monkeypatch.setattr(current_settings(), "owed_write_off_months", months)
    step = next(step for step in purge_old_records(clock.now()) if step.name == "owed_points")
    assert step.work(EVERYBODY) == (None if left else {"members": 1, "points": 80})
    assert step.work(EVERYBODY) is None
    assert owed_by(session, member) == left


def test_jobs_at_once_give_up_each_debt_once(committed_app: Portal) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        for _ in range(30):
            make_debtor(session, 10)

    def sweep(_: int) -> int:
        points = 0
        while True:
            with unit_of_work() as session:
                done = give_up(session, DAY_IS_OVER, limit=4)
            if done is None:
                return points
            points += done["points"]

    assert sum(at_once(committed_app, 4, sweep)) == 300
    with committed_app.app_context(), unit_of_work() as session:
        assert find_differences(session) == []
        assert len(session.execute(ENTRIES).all()) == 30


def test_due_debts_are_found_by_their_index(session: Session) -> None:
    session.execute(text("SET LOCAL enable_seqscan = off"))
    session.execute(text("SET LOCAL enable_bitmapscan = off"))
    plan = "\n".join(
        session.scalars(
            text("""
                EXPLAIN SELECT member_id FROM loyalty_owed
                WHERE points > recovered + written_off AND owed_at < now() ORDER BY owed_at, member_id LIMIT 500
            """)
        )
    )
    assert "ix_loyalty_owed_due" in plan
    assert "Sort" not in plan
