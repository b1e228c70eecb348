"""Posting: totals, order, idempotency and the append-only ledger."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from portal import ledger
from portal.ledger.holds import choose_lots
from portal.ledger.models import EntryType, LedgerEntry, PointLot
from portal.ledger.verify import find_differences
from portal.platform import clock
from portal.tiers.models import Tier
from tests.factories.loyalty import FAR, RULES, earn, make_member, make_tier


def test_a_credit_moves_totals_opens_a_lot_and_is_numbered(session: Session) -> None:
    member = make_member(session)
    earn(session, member, 120)
    entry = earn(session, member, 30).entries[0]
    session.refresh(member)
    assert (entry.amount, entry.balance_after, entry.created) == (30, 150, True)
    assert (member.balance, member.lifetime_earned, member.last_seq) == (150, 150, 2)
    lots = session.scalars(select(PointLot).where(PointLot.member_id == member.id).order_by(PointLot.seq)).all()
    assert [(lot.points, lot.remaining, lot.held, lot.expires_at) for lot in lots] == [
        (120, 120, 0, FAR),
        (30, 30, 0, FAR),
    ]


def test_the_same_effect_is_posted_once_however_often_it_is_sent(session: Session) -> None:
    member = make_member(session)
    first = earn(session, member, 50, external_id="A-1").entries[0]
    again = earn(session, member, 50, external_id="A-1").entries[0]
    session.refresh(member)
    assert (again.id, again.created) == (first.id, False)
    assert member.balance == 50


def test_a_batch_over_many_members_numbers_each_in_order(session: Session) -> None:
    members = [make_member(session) for _ in range(3)]
    now = clock.now()
    postings = [
        ledger.credit(member.id, amount, EntryType.ORDER, source="order", external_id=f"{number}", rules=RULES, at=now)
        for number, (member, amount) in enumerate((m, a) for a in (10, 20) for m in members)
    ]
    posted = ledger.post(session, [*postings, postings[0]], now)
    assert [entry.balance_after for entry in posted.entries] == [10, 10, 10, 30, 30, 30, 10]
    assert find_differences(session) == []


def test_a_debit_takes_the_lots_that_expire_first_and_never_expiring_ones_last(session: Session) -> None:
    member = make_member(session)
    never = earn(session, member, 10, expires_at=None).entries[0]
    late = earn(session, member, 10, expires_at=FAR).entries[0]
    soon = earn(session, member, 10, expires_at=FAR.replace(year=2090)).entries[0]
    takes = choose_lots(session, member.id, 25, clock.now())
    assert [(take.lot_id, take.points) for take in takes] == [(soon.id, 10), (late.id, 10), (never.id, 5)]


def test_a_debit_beyond_what_is_available_is_refused_with_figures(session: Session) -> None:
    member = make_member(session, points=10)
    with pytest.raises(ledger.InsufficientPoints) as refusal:
        choose_lots(session, member.id, 11, clock.now())
    assert refusal.value.extra == {"available": 10, "required": 11}


def test_an_upgrade_is_recorded_and_announced_once_on_reaching_the_threshold_exactly(session: Session) -> None:
    make_tier(session, "silver", 100)
    member = make_member(session)
    assert earn(session, member, 99).upgrades == []
    upgrade = earn(session, member, 1).upgrades[0]
    assert (upgrade.from_slug, upgrade.to_slug) == (None, "silver")
    assert earn(session, member, 1).upgrades == []
    announced = session.scalar(text("SELECT count(*) FROM outbox WHERE topic = 'tier_upgraded'"))
    assert announced == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE loyalty_ledger_entries SET amount = 1",
        "DELETE FROM loyalty_ledger_entries",
        "TRUNCATE loyalty_ledger_entries CASCADE",
    ],
)
def test_the_database_refuses_to_change_the_ledger(session: Session, statement: str) -> None:
    make_member(session, points=5)
    with pytest.raises(DBAPIError, match="append-only"), session.begin_nested():
        session.execute(text(statement))
    assert session.scalar(select(LedgerEntry.amount)) == 5


def test_a_posting_whose_takes_do_not_match_is_a_programming_error(session: Session) -> None:
    member = make_member(session, points=5)
    bad = ledger.Posting(member.id, -5, EntryType.ADJUSTMENT, "test", "1", "x", clock.now())
    with pytest.raises(ValueError, match="takes 0"):
        ledger.post(session, [bad], clock.now())


def test_an_entry_counts_for_tiers_what_it_is_told_and_by_its_date(session: Session) -> None:
    make_tier(session, "silver", 100)
    member = make_member(session)
    now, placed = clock.now(), clock.now() - timedelta(days=40)
    rows = [("all", None, None), ("none", 0, None), ("some", 60, placed)]
    for name, qualifying, at in rows:
        earn(session, member, 50, external_id=name, qualifying=qualifying, qualifies_at=at, at=now)
    stored = session.scalars(
        select(LedgerEntry).where(LedgerEntry.member_id == member.id).order_by(LedgerEntry.seq)
    ).all()
    assert [(e.qualifying, e.qualifies_at, e.posted_at) for e in stored] == [
        (50, now, now),
        (0, now, now),
        (60, placed, now),
    ]
    session.refresh(member)
    assert (member.balance, member.lifetime_earned) == (150, 110)
    assert session.get_one(Tier, member.tier_id).slug == "silver"
