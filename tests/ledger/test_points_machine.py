"""A state machine over points: what the services do agrees with a small model at every step (CONTRACT rules 1 to 7)."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy.orm import Session

from portal import ledger
from portal.ledger.holds import choose_lots
from portal.ledger.verify import find_differences
from portal.members.models import Member
from portal.platform import clock, ids
from portal.platform.audit import Act
from portal.redemptions import lifecycle as redemptions
from portal.redemptions.lifecycle import HoldRules
from portal.redemptions.models import RedemptionStatus
from tests.factories.loyalty import RULES, earn, make_member

START = datetime(2026, 1, 1, tzinfo=UTC)
HOLDS = HoldRules(timedelta(days=20))
LONG_AFTER = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass
class Lot:
    """The model's lot: what is left, and when that expires."""

    left: int
    expires: datetime
    number: int


@dataclass
class Hold:
    """The model's hold: what it keeps in which lot."""

    kept: list[tuple[Lot, int]]
    requested: datetime
    open: bool = True


@dataclass
class Model:
    """Points in thirty lines: lots, holds and the order in which lots are taken."""

    lots: list[Lot] = field(default_factory=list)
    holds: dict[str, Hold] = field(default_factory=dict)

    def held_in(self, lot: Lot) -> int:
        return sum(n for h in self.holds.values() if h.open for kept, n in h.kept if kept is lot)

    def free(self, now: datetime) -> list[tuple[Lot, int]]:
        usable = sorted((lot for lot in self.lots if lot.expires > now), key=lambda lot: (lot.expires, lot.number))
        return [(lot, lot.left - self.held_in(lot)) for lot in usable]

    def available(self, now: datetime) -> int:
        return sum(n for _, n in self.free(now))

    def choose(self, points: int, now: datetime) -> list[tuple[Lot, int]]:
        chosen = []
        for lot, free in self.free(now):
            take = min(free, points)
            points -= take
            chosen += [(lot, take)] if take else []
        return chosen

    def expire(self, now: datetime) -> int:
        gone = 0
        for lot in self.lots:
            if lot.expires <= now:
                extra = lot.left - self.held_in(lot)
                lot.left -= extra
                gone += extra
        return gone


class Points(RuleBasedStateMachine):
    """Post, debit, hold, fulfil, cancel, expire and let time pass, in any order."""

    session: Session
    holds = Bundle("holds")

    @initialize()
    def begin(self) -> None:
        self.session.begin_nested()
        self.now, self.model = START, Model()
        with clock.at(self.now):
            self.member: Member = make_member(self.session)
        self.user_id = self.member.user_id

    @rule(points=st.integers(1, 500), days=st.one_of(st.none(), st.integers(1, 40)))
    def post(self, points: int, days: int | None) -> None:
        expires = None if days is None else self.now + timedelta(days=days)
        earn(self.session, self.member, points, expires_at=expires, at=self.now)
        self.model.lots.append(Lot(points, expires or LONG_AFTER, len(self.model.lots)))

    @rule(points=st.integers(1, 700))
    def debit(self, points: int) -> None:
        def attempt() -> Any:
            return ledger.adjust_points(
                self.session,
                self.member.id,
                -points,
                Act("test", self.now, "less"),
                rules=RULES,
                expires_at=None,
                metadata={},
            )

        if self.model.available(self.now) < points:
            self.refused(attempt, ledger.InsufficientPoints)
            return
        attempt()
        for lot, n in self.model.choose(points, self.now):
            lot.left -= n

    @rule(target=holds, points=st.integers(1, 700))
    def hold(self, points: int) -> str:
        def attempt() -> Any:
            wish = redemptions.Wish(points=points, description="A thing")
            return redemptions.reserve_points(self.session, self.user_id, wish, Act("test", self.now), rules=HOLDS)

        if self.model.available(self.now) < points:
            self.refused(attempt, ledger.InsufficientPoints)
            return ""
        redemption_id = ids.encode(attempt().id)
        self.model.holds[redemption_id] = Hold(self.model.choose(points, self.now), self.now)
        return redemption_id

    @rule(hold=holds)
    def fulfil(self, hold: str) -> None:
        self.resolve(hold, fulfil=True)

    @rule(hold=holds, status=st.sampled_from([RedemptionStatus.CANCELLED, RedemptionStatus.FAILED]))
    def release(self, hold: str, status: RedemptionStatus) -> None:
        self.resolve(hold, fulfil=False, status=status)

    @rule(days=st.integers(1, 15))
    def pass_time(self, days: int) -> None:
        self.now += timedelta(days=days)

    @rule()
    def expire(self) -> None:
        points = 0
        while swept := ledger.expire_scheduled_points(self.session, self.now, limit=2):
            points += swept["points"]
        assert points == self.model.expire(self.now)
        assert ledger.expire_scheduled_points(self.session, self.now) is None

    @rule()
    def cancel_stale(self) -> None:
        while redemptions.cancel_stale_holds(self.session, self.now, limit=1):
            continue
        for hold in self.model.holds.values():
            hold.open = hold.open and hold.requested + HOLDS.ttl > self.now

    @invariant()
    def agrees(self) -> None:
        if not hasattr(self, "member"):
            return
        self.session.flush()
        self.session.refresh(self.member)
        held = sum(n for h in self.model.holds.values() if h.open for _, n in h.kept)
        assert self.member.balance == sum(lot.left for lot in self.model.lots)
        assert self.member.held == held
        free = (
            choose_lots(self.session, self.member.id, self.model.available(self.now) or 1, self.now)
            if (self.model.available(self.now))
            else ()
        )
        assert sum(take.points for take in free) == self.model.available(self.now)
        assert find_differences(self.session) == []

    def resolve(self, key: str, *, fulfil: bool, status: RedemptionStatus = RedemptionStatus.FAILED) -> None:
        if not key:
            return
        hold, redemption_id = self.model.holds[key], ids.parse(key)
        assert redemption_id

        def attempt() -> Any:
            if fulfil:
                return redemptions.fulfill_redemption(self.session, redemption_id, Act("test", self.now))
            return redemptions.release_redemption(self.session, redemption_id, status, Act("test", self.now, "no"))

        if not hold.open:
            self.refused(attempt, redemptions.NotPending)
            return
        attempt()
        hold.open = False
        for lot, n in hold.kept:
            lot.left -= n if fulfil else 0

    def refused(self, attempt: Any, error: type[Exception]) -> None:
        with pytest.raises(error), self.session.begin_nested():
            attempt()

    def teardown(self) -> None:
        self.session.rollback()


def test_points_agree_with_the_model_whatever_happens(app: Flask, session: Session) -> None:
    Points.session = session
    run_state_machine_as_test(
        Points,
        settings=settings(
            max_examples=40,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=False,
        ),
    )
