"""Points that come pay what is owed: of which credits, in bulk, by several at once, and nothing where nobody owes."""

import random
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from portal import ledger
from portal.ledger.holds import choose_lots
from portal.ledger.models import PAYING, EntryType, LedgerEntry
from portal.ledger.verify import find_differences
from portal.members import lock_members
from portal.members.models import Member
from portal.platform.audit import Act
from portal.platform.db import unit_of_work
from portal.platform.web.application import Portal
from portal.redemptions import cancel_stale_holds
from portal.redemptions.lifecycle import HoldRules, Wish, release_redemption, reserve_points
from portal.redemptions.models import RedemptionStatus
from tests.concurrency import at_once
from tests.factories.loyalty import FAR, RULES, earn, make_member, owe
from tests.statements import counted

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=40)
PAYS = sorted(PAYING)
TAKES = text("""
    SELECT e.amount, d.points, d.lot_id = c.id AS own, e.external_id = ulid_text(c.id) AS named
    FROM loyalty_ledger_entries e JOIN loyalty_lot_debits d ON d.member_id = e.member_id AND d.entry_id = e.id
    JOIN loyalty_ledger_entries c ON c.member_id = e.member_id AND c.id = d.lot_id
    WHERE e.member_id = :member_id AND e.entry_type = 'recovery' ORDER BY e.seq
""")


def make_debtor(session: Session, owed: int) -> Member:
    """A member without points, who owes some."""
    member = make_member(session)
    owe(session, member, owed, at=NOW)
    assert (member.balance, member.owed) == (0, owed)
    return member


def credit_of(member_id: UUID, points: int, kind: EntryType = EntryType.EVENT, key: str = "e") -> ledger.Posting:
    return ledger.credit(member_id, points, kind, source="event", external_id=key, rules=RULES, at=NOW)


def amounts(session: Session, member_id: UUID, kind: str = "recovery") -> list[int]:
    mine = (LedgerEntry.member_id == member_id) & (LedgerEntry.entry_type == kind)
    return list(session.scalars(select(LedgerEntry.amount).where(mine).order_by(LedgerEntry.seq)))


def standing(session: Session, member: Member) -> tuple[int, int]:
    session.refresh(member)
    assert find_differences(session) == []
    return member.balance, member.owed


def test_all_types_that_only_credit_pay() -> None:
    """A type is added where it is decided whether it pays: what is given by hand, given back or moved does not."""
    assert set(PAYS) == {kind for kind in EntryType if kind.sign > 0}
    assert {"adjustment", "reversal", "redemption", "expiration", "recovery"} == set(EntryType) - set(PAYS)


@pytest.mark.parametrize("kind", PAYS)
@pytest.mark.parametrize(("owed", "points"), [(100, 30), (30, 30), (30, 100)])
def test_a_credit_pays_from_its_own_lot(session: Session, kind: str, owed: int, points: int) -> None:
    member = make_debtor(session, owed)
    earned = member.lifetime_earned
    posted = ledger.post(session, [credit_of(member.id, points, EntryType(kind))], NOW)
    paid = min(owed, points)
    assert [entry.amount for entry in posted.entries] == [points]
    assert [(each.entry_type, each.amount, each.balance_after) for each in posted.recoveries] == [
        ("recovery", -paid, points - paid)
    ]
    assert standing(session, member) == (points - paid, owed - paid)
    assert member.lifetime_earned == earned + points
    assert [tuple(row) for row in session.execute(TAKES, {"member_id": member.id})] == [(-paid, paid, True, True)]


def test_what_is_given_by_hand_pays_nothing(session: Session) -> None:
    member = make_debtor(session, 100)
    ledger.adjust_points(session, member.id, 40, Act("test", NOW, "Hello"), rules=RULES, expires_at=None, metadata={})
    assert standing(session, member) == (40, 100)


def test_points_given_back_pay_nothing(session: Session) -> None:
    member = make_debtor(session, 100)
    back = ledger.Posting(member.id, 40, EntryType.REVERSAL, "redemption", "r", "restore", NOW, expires_at=FAR)
    assert ledger.post(session, [back], NOW).recoveries == []
    assert standing(session, member) == (40, 100)


def test_several_credits_at_once_pay_in_their_order_and_no_more_than_is_owed(session: Session) -> None:
    member, other = make_debtor(session, 100), make_member(session)
    postings = [credit_of(who.id, points, key=f"{points}") for points in (40, 50, 60) for who in (other, member)]
    posted = ledger.post(session, postings, NOW)
    assert [entry.amount for entry in posted.entries] == [40, 40, 50, 50, 60, 60]
    assert [(each.amount, each.balance_after) for each in posted.recoveries] == [(-40, 110), (-50, 60), (-10, 50)]
    assert standing(session, member) == (50, 0)
    assert standing(session, other) == (150, 0)


def test_the_same_credit_pays_once(session: Session) -> None:
    member = make_debtor(session, 100)
    for _ in range(2):
        posted = ledger.post(session, [credit_of(member.id, 30)], NOW)
    assert posted.recoveries == []
    assert standing(session, member) == (0, 70)


def test_a_credit_that_has_expired_already_pays_nothing(session: Session) -> None:
    member = make_debtor(session, 100)
    earn(session, member, 30, at=NOW, expires_at=NOW)
    assert standing(session, member) == (30, 100)


def test_only_debtors_cost_a_statement(session: Session) -> None:
    member, debtor = make_member(session), make_debtor(session, 10)
    with counted(session) as sent:
        ledger.post(session, [credit_of(member.id, 30)], NOW)
    assert len(sent) == 1, sent
    with counted(session) as sent:
        ledger.post(session, [credit_of(each.id, 30, key="f") for each in (member, debtor)], NOW)
    assert len(sent) == 2, sent


def put_aside(session: Session, member_id: UUID, points: int, key: str) -> None:
    due = ledger.PendingCredit(member_id, points, EntryType.ORDER, "event", key, "base:1", NOW, NOW)
    ledger.put_aside(session, [due], NOW)


def test_what_waited_pays_when_it_is_due_in_bulk(session: Session) -> None:
    members = [make_debtor(session, 10 * number) if number % 2 else make_member(session) for number in range(40)]
    for number, member in enumerate(members):
        put_aside(session, member.id, 50, f"a{number}")
        put_aside(session, member.id, 70, f"b{number}")
    with counted(session) as sent:
        done = ledger.activate_due(session, NOW, rules=RULES)
    assert done == {"entries": 80, "points": 4800, "members": 40}
    assert len(sent) == 4, sent  # locks, lives, posts, pays
    for number, member in enumerate(members):
        owed = 10 * number if number % 2 else 0
        assert standing(session, member) == (max(120 - owed, 0), max(owed - 120, 0))
    assert ledger.activate_due(session, NOW, rules=RULES) is None


def test_streaks_pay_in_bulk(session: Session) -> None:
    debtor, other = make_debtor(session, 100), make_member(session)
    earn(session, other, 5, at=NOW)
    done = ledger.grant_weekly_streak_bonuses(session, NOW, points=30, rules=RULES)
    assert done == {"entries": 2, "points": 60, "members": 2}
    assert standing(session, debtor) == (0, 70)
    assert standing(session, other) == (35, 0)


def hold(session: Session, member: Member, points: int) -> UUID:
    rules = HoldRules(timedelta(days=30))
    return reserve_points(
        session, member.user_id, Wish(points=points, description="A thing"), Act("t", NOW), rules=rules
    ).id


def test_holds_that_run_out_pay_in_bulk(session: Session) -> None:
    members = [make_member(session) for _ in range(20)]
    for number, member in enumerate(members):
        for points in (30, 70):
            earn(session, member, points, at=NOW, expires_at=FAR)
        for points in (20, 60):
            hold(session, member, points)
        if number % 2:
            owe(session, member, number * 5, at=NOW)
    before = [standing(session, member) for member in members]
    assert cancel_stale_holds(session, LATER) == 40
    for member, (balance, owed) in zip(members, before, strict=True):
        paid = min(owed, 80)
        assert standing(session, member) == (balance - paid, owed - paid)
        assert sum(amounts(session, member.id)) == -paid
        assert len(amounts(session, member.id)) == (0 if not owed else 1 if owed <= 20 else 2)


def test_a_release_of_who_owes_nothing_is_one_statement(session: Session) -> None:
    member = make_member(session, points=100)
    held = hold(session, member, 40)
    session.flush()
    with counted(session) as sent:
        ledger.release_holds(session, [member.id], [held], NOW)
    assert len(sent) == 1, sent


def test_credits_at_once_pay_no_more_than_is_owed(committed_app: Portal) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        member_id = make_debtor(session, 100).id

    def credit(number: int) -> int:
        paid = 0
        for part in range(10):
            with unit_of_work() as session:
                lock_members(session, [member_id])
                posted = ledger.post(session, [credit_of(member_id, random.randint(1, 9), key=f"{number}-{part}")], NOW)
                paid -= sum(each.amount for each in posted.recoveries)
        return paid

    assert sum(at_once(committed_app, 4, credit)) == 100
    with committed_app.app_context(), unit_of_work() as session:
        member = session.get_one(Member, member_id)
        assert member.owed == 0
        assert find_differences(session) == []


FORGED = {
    "UPDATE loyalty_members SET owed = owed + 1": {"owed"},
    "UPDATE loyalty_owed SET recovered = recovered + 1": {"owed", "owed_recovered"},
    "UPDATE loyalty_owed SET recovered = recovered - 1": {"owed", "owed_recovered"},
    "UPDATE loyalty_owed SET points = points + 1": {"owed", "owed_by_entry"},
    "UPDATE loyalty_owed SET written_off = 1, written_off_at = now(), reason = 'Sorry'": {"owed"},
    "DELETE FROM loyalty_owed": {"owed", "owed_by_entry", "owed_recovered"},
    "UPDATE loyalty_ledger_entries SET external_id = 'x' WHERE entry_type = 'recovery'": {"recovery_from_credit"},
}


def test_each_forged_number_is_found(session: Session) -> None:
    member = make_debtor(session, 100)
    ledger.post(session, [credit_of(member.id, 30)], NOW)
    assert find_differences(session) == []
    session.execute(text("ALTER TABLE loyalty_ledger_entries DISABLE TRIGGER USER"))  # which refuses to change them
    found = {}
    for statement in FORGED:
        with session.begin_nested() as savepoint:
            session.execute(text(statement))
            found[statement] = {str(difference["check"]) for difference in find_differences(session)}
            savepoint.rollback()
    assert found == FORGED


def test_a_policy_that_writes_off_is_verified(session: Session) -> None:
    member = make_member(session)
    ledger.post(session, [credit_of(member.id, 50)], NOW)
    takes = choose_lots(session, member.id, 50, NOW)
    spent = ledger.Posting(member.id, -50, EntryType.REDEMPTION, "redemption", "r", "fulfil", NOW, takes=takes)
    ledger.post(session, [spent], NOW)
    origin = ledger.Origin(member.id, "event", "e", "credit")
    credit = ledger.find_credit(session, origin)
    assert credit is not None
    ledger.reverse_credit(session, origin, credit, 50, ledger.Shortfall.AVAILABLE, NOW, {})
    assert standing(session, member) == (0, 0)
    kept = session.execute(text("SELECT written_off, reason, written_off_at FROM loyalty_owed")).one()
    assert tuple(kept) == (50, "shortfall", NOW)
    session.execute(text("UPDATE loyalty_owed SET written_off = 20"))
    assert {each["check"] for each in find_differences(session)} == {"owed", "owed_written_off"}


def test_credits_and_releases_at_once_pay_no_more_than_is_owed(committed_app: Portal) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        member = make_member(session)
        earn(session, member, 200, at=NOW, expires_at=FAR)
        held = [hold(session, member, 20) for _ in range(10)]
        owe(session, member, 100, at=NOW)
        member_id = member.id

    def pay(number: int) -> None:
        for part in range(5):
            with unit_of_work() as session:
                if number % 2:
                    act = Act("test", NOW, "Changed their mind")
                    release_redemption(session, held[number // 2 * 5 + part], RedemptionStatus.CANCELLED, act)
                else:
                    lock_members(session, [member_id])
                    ledger.post(session, [credit_of(member_id, 7, key=f"{number}-{part}")], NOW)

    at_once(committed_app, 4, pay)
    with committed_app.app_context(), unit_of_work() as session:
        assert sum(amounts(session, member_id)) == -100
        member = session.get_one(Member, member_id)
        assert (member.owed, member.held, member.balance) == (0, 0, 200 + 70 - 100)
        assert find_differences(session) == []
