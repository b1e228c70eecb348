"""How many weeks in a row: right however late, in whatever order and in however large a batch weeks are posted."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from portal import ledger
from portal.ledger.models import EntryType, StreakWeek
from portal.members.models import Member
from tests.factories.loyalty import RULES, earn, make_member

FIRST = datetime(2026, 3, 2, 12, tzinfo=UTC)


def in_week(number: int) -> datetime:
    return FIRST + timedelta(weeks=number)


def post_at_once(session: Session, member: Member, weeks: list[int]) -> None:
    postings = [
        ledger.credit(
            member.id,
            10,
            EntryType.ORDER,
            source="order",
            external_id=f"week-{week}",
            rules=RULES,
            at=in_week(week),
        )
        for week in weeks
    ]
    ledger.post(session, postings, in_week(max(weeks)))


def lengths(session: Session, member: Member) -> list[int]:
    session.expire_all()
    found = select(StreakWeek.length).where(StreakWeek.member_id == member.id).order_by(StreakWeek.week)
    return list(session.scalars(found))


def test_several_weeks_of_one_batch_count_on_from_each_other(session: Session) -> None:
    member = make_member(session)
    post_at_once(session, member, [2, 0, 1, 1, 4])
    assert lengths(session, member) == [1, 2, 3, 1]


def test_a_batch_of_many_members_counts_each_by_itself(session: Session) -> None:
    members = [make_member(session) for _ in range(3)]
    for number, member in enumerate(members):
        post_at_once(session, member, list(range(number, 3)))
    assert [lengths(session, member) for member in members] == [[1, 2, 3], [1, 2], [1]]


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 2, 1, 0], [0, 3, 1, 2], [2, 0, 3, 1]])
def test_weeks_may_come_in_any_order(session: Session, order: list[int]) -> None:
    member = make_member(session)
    for week in order:
        earn(session, member, 10, at=in_week(week))
    assert lengths(session, member) == [1, 2, 3, 4]


def test_a_week_that_comes_late_joins_what_was_before_and_after_it(session: Session) -> None:
    member = make_member(session)
    post_at_once(session, member, [0, 1, 3, 4, 6])
    assert lengths(session, member) == [1, 2, 1, 2, 1]
    earn(session, member, 10, at=in_week(2))
    assert lengths(session, member) == [1, 2, 3, 4, 5, 1]


def test_a_bonus_that_is_paid_late_names_the_weeks_place_and_changes_no_length(session: Session) -> None:
    member = make_member(session)
    post_at_once(session, member, [0, 2])
    ledger.grant_weekly_streak_bonuses(session, in_week(9), points=25, rules=RULES)
    earn(session, member, 10, at=in_week(1))
    granted = ledger.grant_weekly_streak_bonuses(session, in_week(9), points=25, rules=RULES)
    assert granted == {"entries": 1, "points": 25, "members": 1}
    paid = "SELECT metadata->'length' FROM loyalty_ledger_entries WHERE entry_type = 'streak_bonus' ORDER BY seq"
    assert list(session.scalars(text(paid))) == [1, 1, 2]
    assert lengths(session, member) == [1, 2, 3]
