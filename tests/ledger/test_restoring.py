"""Points that a debit took go back to where they came from, and may be taken again (CONTRACT-EARNING 8.5, R8, R9)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import time_machine
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from portal import ledger
from portal.ledger.holds import choose_lots
from portal.ledger.models import EntryType, LedgerEntry, PointLot
from portal.ledger.posting import Take
from portal.ledger.verify import find_differences
from portal.members.models import Member
from portal.platform import clock
from tests.factories.loyalty import earn, make_member

NOW = datetime(2026, 3, 11, 12, tzinfo=UTC)
DAY = timedelta(days=1)
GRACE = 30 * DAY


@pytest.fixture(autouse=True)
def travel() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def ada(session: Session) -> Member:
    """A member without points."""
    return make_member(session)


def lot(session: Session, member: Member, points: int, days: int | None) -> UUID:
    """Points that expire in so many days, or never; the lot's id."""
    expires_at = None if days is None else clock.now() + days * DAY
    return earn(session, member, points, expires_at=expires_at, at=clock.now()).entries[0].id


def spend(session: Session, member: Member, points: int, what: str = "mug") -> ledger.Debit:
    debit = ledger.Debit(member.id, "redemption", what)
    posting = ledger.Posting(
        *(member.id, -points, EntryType.REDEMPTION, "redemption", what, "fulfil", clock.now()),
        takes=choose_lots(session, member.id, points, clock.now()),
    )
    ledger.post(session, [posting], clock.now())
    return debit


def restore(session: Session, debit: ledger.Debit, points: int) -> ledger.Entry:
    return ledger.restore_points(session, debit, points, clock.now(), grace=GRACE, metadata={"redemption_id": "1"})


def retake(session: Session, debit: ledger.Debit, points: int, shortfall: str = "owe") -> ledger.Entry:
    how = ledger.Shortfall(shortfall)
    return ledger.retake_points(session, debit, points, how, clock.now(), metadata={"redemption_id": "1"})


def lots(session: Session, member: Member) -> dict[UUID, tuple[int, int | None]]:
    """What is left of each lot, and in how many days it expires."""
    session.expire_all()
    found = session.scalars(select(PointLot).where(PointLot.member_id == member.id).order_by(PointLot.seq))
    return {each.id: (each.remaining, _days(each.expires_at)) for each in found}


def _days(expires_at: datetime | None) -> int | None:
    return None if expires_at is None else (expires_at - clock.now()) // DAY


def sound(session: Session) -> bool:
    session.flush()
    return find_differences(session) == []


def test_what_was_taken_last_comes_back_first_and_all_of_it_in_the_end(session: Session, ada: Member) -> None:
    soon, late, never = (lot(session, ada, 10, days) for days in (5, 60, None))
    debit = spend(session, ada, 25)
    assert lots(session, ada) == {soon: (0, 5), late: (0, 60), never: (5, None)}
    entry = restore(session, debit, 7)
    assert (entry.entry_type, entry.amount, entry.balance_after) == ("reversal", 7, 12)
    assert lots(session, ada) == {soon: (0, 5), late: (2, 60), never: (10, None)}
    restore(session, debit, 9)
    assert lots(session, ada) == {soon: (1, 30), late: (10, 60), never: (10, None)}
    restore(session, debit, 9)
    assert lots(session, ada) == {soon: (10, 30), late: (10, 60), never: (10, None)}
    assert sound(session)


def test_a_restore_counts_for_nothing_and_opens_nothing(session: Session, ada: Member) -> None:
    lot(session, ada, 100, 90)
    session.execute(text("DELETE FROM loyalty_streak_weeks"))
    debit, before = spend(session, ada, 100), ada.lifetime_earned
    restore(session, debit, 100)
    session.refresh(ada)
    assert (ada.balance, ada.lifetime_earned, before) == (100, 100, 100)
    assert session.scalar(text("SELECT count(*) FROM loyalty_streak_weeks")) == 0
    assert len(lots(session, ada)) == 1
    kept = session.scalars(select(LedgerEntry).where(LedgerEntry.entry_type == "reversal")).one()
    assert (kept.qualifying, kept.source, kept.external_id) == (0, "redemption", "mug")


def test_a_lot_that_has_expired_meanwhile_comes_back_for_the_grace(
    session: Session, ada: Member, travel: time_machine.Traveller
) -> None:
    gone = lot(session, ada, 100, 5)
    debit = spend(session, ada, 60)
    travel.shift(10 * DAY)
    restore(session, debit, 60)
    assert lots(session, ada) == {gone: (60, 30)}, "the 40 that had run out do not come back with them"
    assert sound(session)
    kinds = session.scalars(select(LedgerEntry.entry_type).order_by(LedgerEntry.seq)).all()
    assert kinds[-3:] == ["redemption", "expiration", "reversal"]


def test_a_lot_is_extended_once(session: Session, ada: Member, travel: time_machine.Traveller) -> None:
    only = lot(session, ada, 100, 5)
    debit = spend(session, ada, 90)
    restore(session, debit, 30)
    assert lots(session, ada) == {only: (40, 30)}
    travel.shift(20 * DAY)
    assert [each.expires_at for each in ledger.plan_restore(session, debit, 30, clock.now(), GRACE)] == [NOW + GRACE]
    restore(session, debit, 30)
    assert lots(session, ada) == {only: (70, 10)}
    travel.shift(11 * DAY)
    ledger.expire_scheduled_points(session, clock.now())
    restore(session, debit, 30)
    assert lots(session, ada) == {only: (30, -1)}
    assert ledger.expire_scheduled_points(session, clock.now()) == {"entries": 1, "points": 30, "members": 1}
    assert lots(session, ada) == {only: (0, -1)}
    assert ledger.expire_scheduled_points(session, clock.now()) is None
    assert sound(session)


def test_the_same_points_expire_as_often_as_they_come_back(
    session: Session, ada: Member, travel: time_machine.Traveller
) -> None:
    """Twice the same number that remains: each is its own expiry, though the first one was posted under its name."""
    only = lot(session, ada, 100, 5)
    debits = [spend(session, ada, 40, what) for what in ("mug", "cup")]
    travel.shift(40 * DAY)
    for debit in debits:
        restore(session, debit, 40)
        travel.shift(40 * DAY)
        ledger.expire_scheduled_points(session, clock.now())
        assert lots(session, ada)[only][0] == 0
    assert ada.balance == 0
    assert sound(session)


def test_the_plan_is_what_is_done(session: Session, ada: Member) -> None:
    soon, never = lot(session, ada, 10, 5), lot(session, ada, 10, None)
    debit = spend(session, ada, 20)
    plan = ledger.plan_restore(session, debit, 15, clock.now(), GRACE)
    assert plan == [ledger.Restored(never, 10, None), ledger.Restored(soon, 5, NOW + GRACE, extended=True)]
    assert lots(session, ada) == {soon: (0, 5), never: (0, None)}
    restore(session, debit, 15)
    assert lots(session, ada) == {soon: (5, 30), never: (10, None)}


def test_points_on_hold_stay_on_hold(session: Session, ada: Member, travel: time_machine.Traveller) -> None:
    only = lot(session, ada, 100, 5)
    debit = spend(session, ada, 50)
    session.execute(update(PointLot).values(held=30))
    session.execute(update(Member).values(held=30))
    travel.shift(10 * DAY)
    restore(session, debit, 50)
    assert lots(session, ada) == {only: (80, 30)}
    assert session.scalar(select(PointLot.held)) == 30


@pytest.mark.parametrize(
    ("spent", "earned", "shortfall", "amount", "owed", "left"),
    [
        (0, 0, "owe", -60, 0, 0),
        (0, 50, "owe", -60, 0, 50),
        (60, 50, "owe", -50, 10, 0),
        (60, 50, "order_only", 0, 0, 50),
        (60, 50, "available", -50, 0, 0),
        (60, 0, "owe", 0, 60, 0),
        (20, 100, "owe", -60, 0, 80),
    ],
)
def test_what_was_restored_is_taken_again(
    session: Session, ada: Member, spent: int, earned: int, shortfall: str, amount: int, owed: int, left: int
) -> None:
    lot(session, ada, 60, 5)
    debit = spend(session, ada, 60)
    restore(session, debit, 60)
    if spent:
        spend(session, ada, spent, "cup")
    if earned:
        lot(session, ada, earned, 3)
    entry = retake(session, debit, 60, shortfall)
    session.refresh(ada)
    assert (entry.amount, ada.owed, ada.balance, ada.lifetime_earned) == (amount, owed, left, 60 + earned)
    assert sound(session)


def test_what_expired_of_it_counts_when_it_is_taken_again(
    session: Session, ada: Member, travel: time_machine.Traveller
) -> None:
    lot(session, ada, 100, 5)
    debit = spend(session, ada, 60)
    travel.shift(6 * DAY)
    ledger.expire_scheduled_points(session, clock.now())
    restore(session, debit, 50)
    travel.shift(40 * DAY)
    ledger.expire_scheduled_points(session, clock.now())
    lot(session, ada, 500, 5)
    for _ in range(2):  # in parts: what expired counts once
        entry = retake(session, debit, 25)
        assert (entry.amount, entry.metadata["takes"]) == (0, {"expired": 25})
    restore(session, debit, 10)
    assert retake(session, debit, 10).amount == -10
    session.refresh(ada)
    assert (ada.balance, ada.owed) == (500, 0)
    assert sound(session)


def test_back_and_forth_leaves_everything_as_it_was(session: Session, ada: Member) -> None:
    first, second = lot(session, ada, 60, 40), lot(session, ada, 60, 50)
    debit = spend(session, ada, 90)
    for points in (33, 33, 90):
        restore(session, debit, points)
        retake(session, debit, points)
        assert lots(session, ada) == {first: (0, 40), second: (30, 50)}
    assert ada.balance == 30
    assert sound(session)


def test_what_was_taken_again_from_elsewhere_goes_back_there_and_the_rest_to_a_lot_of_its_own(
    session: Session, ada: Member
) -> None:
    first = lot(session, ada, 60, 40)
    debit = spend(session, ada, 60)
    restore(session, debit, 60)
    other = spend(session, ada, 60, "cup")
    second = lot(session, ada, 50, 90)
    retake(session, debit, 60)
    restore(session, debit, 60)
    session.refresh(ada)
    found = lots(session, ada)
    own = next(each for each in found if each not in (first, second))
    assert found == {first: (0, 40), second: (50, 90), own: (10, 30)}
    assert (ada.balance, ada.owed) == (60, 10), "restored points pay no debt"
    restore(session, other, 60)
    assert lots(session, ada)[first] == (60, 40)
    assert sound(session)


@pytest.mark.parametrize(
    ("forged", "checks"),
    [
        ("UPDATE loyalty_lot_debits SET points = points - 1 WHERE points < 0", {"lot_opened", "lot_remaining"}),
        ("UPDATE loyalty_point_expirations SET restored = restored + 1", {"lot_restored"}),
        ("DELETE FROM loyalty_lot_debits WHERE points < 0", {"lot_opened", "lot_remaining"}),
        ("UPDATE loyalty_lot_debits SET points = points + 10 WHERE points > 0", {"debit_taken", "lot_remaining"}),
        ("UPDATE loyalty_lot_debits SET points = points - 50 WHERE points > 0", {"given_back", "debit_taken"}),
    ],
)
def test_forged_figures_are_found(session: Session, ada: Member, forged: str, checks: set[str]) -> None:
    lot(session, ada, 100, 5)
    debit = spend(session, ada, 60)
    restore(session, debit, 30)
    assert sound(session)
    session.execute(text(forged))
    found: list[Any] = find_differences(session)
    assert checks <= {each["check"] for each in found}


def test_nothing_gives_back_more_than_it_credits(session: Session, ada: Member) -> None:
    only = lot(session, ada, 10, None)
    spend(session, ada, 10)
    bad = (ada.id, 5, EntryType.REVERSAL, "redemption", "mug", "restore", NOW)
    with pytest.raises(ValueError, match="gives 6 back"):
        ledger.post(session, [ledger.Posting(*bad, takes=(Take(only, -6),))], NOW)
