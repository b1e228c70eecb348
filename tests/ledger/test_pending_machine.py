"""A state machine over pending credits: what the ledger does agrees with a small model at every step (EARNING 8.4)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import ledger
from portal.ledger.models import EntryType, LedgerEntry
from portal.ledger.verify import find_differences
from portal.members.models import Member
from portal.platform.steps import Shard
from tests.factories.loyalty import RULES, make_member

START = datetime(2026, 1, 1, tzinfo=UTC)
WHO, ORDERS, EFFECTS = st.integers(0, 2), st.sampled_from("AB"), st.sampled_from("xy")
Key = tuple[int, str, str]


@dataclass
class Waiting:
    """The model's credit."""

    points: int
    activates_at: datetime
    posted: bool = False


class Pending(RuleBasedStateMachine):
    """Put aside, take back, move in time, suspend, release, sweep and let time pass, in any order."""

    session: Session

    @initialize()
    def begin(self) -> None:
        self.session.begin_nested()
        self.now = START
        self.members: list[Member] = [make_member(self.session) for _ in range(3)]
        self.barred: set[int] = set()
        self.credits: dict[Key, Waiting] = {}

    @rule(who=WHO, order=ORDERS, effect=EFFECTS, points=st.integers(1, 50), days=st.integers(-1, 6))
    def put(self, who: int, order: str, effect: str, points: int, days: int) -> None:
        known = self.credits.get((who, order, effect))
        if known is not None and known.posted:
            return
        at = self.now + timedelta(days=days)
        credit = ledger.PendingCredit(
            self.members[who].id, points, EntryType.ORDER, "event", order, effect, at, self.now, qualifies_tier=False
        )
        ledger.put_aside(self.session, [credit], self.now)
        self.credits[who, order, effect] = Waiting(points + (known.points if known else 0), at)

    @rule(who=WHO, order=ORDERS, effect=EFFECTS, points=st.integers(0, 60))
    def shrink(self, who: int, order: str, effect: str, points: int) -> None:
        known = self.credits.get((who, order, effect))
        taken = min(points, known.points) if known is not None and not known.posted else 0
        assert ledger.shrink(self.session, self.members[who].id, "event", order, effect, points) == taken
        if known is not None:
            known.points -= taken

    @rule(who=WHO, order=ORDERS, days=st.integers(-1, 6), only=st.one_of(st.none(), EFFECTS))
    def reschedule(self, who: int, order: str, days: int, only: str | None) -> None:
        at = self.now + timedelta(days=days)
        ledger.reschedule(self.session, self.members[who].id, "event", order, at if only is None else {only: at})
        for (of, its_order, effect), credit in self.credits.items():
            if (of, its_order) == (who, order) and only in (None, effect) and not credit.posted:
                credit.activates_at = at

    @rule(who=WHO)
    def suspend_or_reactivate(self, who: int) -> None:
        self.barred ^= {who}
        self.members[who].status = "suspended" if who in self.barred else "active"
        self.session.flush()

    @rule(days=st.integers(1, 4))
    def pass_time(self, days: int) -> None:
        self.now += timedelta(days=days)

    @rule(limit=st.integers(1, 5), shards=st.sampled_from([1, 3]))
    def sweep(self, limit: int, shards: int) -> None:
        points = 0
        for number in range(shards):
            shard = Shard(number, shards)
            while done := ledger.activate_due(self.session, self.now, rules=RULES, limit=limit, shard=shard):
                assert done["entries"] > 0
                points += done["points"]
        assert points == sum(self.post(order, self.now) for order in "AB")

    @rule(order=ORDERS)
    def release(self, order: str) -> None:
        posted = ledger.activate_now(self.session, "event", order, self.now, rules=RULES)
        assert sum(entry.amount for entry in posted.entries) == self.post(order, None)

    @invariant()
    def agrees(self) -> None:
        if not hasattr(self, "members"):
            return
        self.session.flush()
        for who, member in enumerate(self.members):
            self.session.refresh(member)
            mine = [credit for (of, _, _), credit in self.credits.items() if of == who]
            assert member.pending == sum(credit.points for credit in mine if not credit.posted)
            assert member.balance == sum(credit.points for credit in mine if credit.posted)
        entries = select(func.count()).where(LedgerEntry.member_id.in_([member.id for member in self.members]))
        assert self.session.scalar(entries) == sum(credit.posted for credit in self.credits.values())
        assert find_differences(self.session) == []

    def post(self, order: str, until: datetime | None) -> int:
        """Post in the model what is open of an order (and due, if `until`), unless somebody of it is barred."""
        still = {key: credit for key, credit in self.credits.items() if key[1] == order}
        still = {key: credit for key, credit in still.items() if credit.points and not credit.posted}
        if self.barred & {who for who, _, _ in still}:
            return 0
        now = [credit for credit in still.values() if until is None or credit.activates_at <= until]
        for credit in now:
            credit.posted = True
        return sum(credit.points for credit in now)

    def teardown(self) -> None:
        self.session.rollback()


def test_pending_credits_agree_with_the_model_whatever_happens(app: Flask, session: Session) -> None:
    Pending.session = session
    run_state_machine_as_test(
        Pending,
        settings=settings(
            max_examples=30, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
