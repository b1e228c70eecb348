"""Pending credits on several connections at once: each is posted once, and nothing of it gets lost (EARNING 8.4)."""

import random
import threading
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import ledger
from portal.ledger.models import EntryType, LedgerEntry
from portal.ledger.verify import find_differences
from portal.members import lock_members
from portal.members.models import Member
from portal.platform.db import unit_of_work
from portal.platform.steps import Shard
from portal.platform.web.application import Portal
from tests.concurrency import at_once
from tests.factories.loyalty import RULES, make_member

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
DUE = NOW + timedelta(days=14)


def put(session: Session, member_id: UUID, points: int, external_id: str = "A-1", effect: str = "base:1") -> None:
    credit = ledger.PendingCredit(member_id, points, EntryType.ORDER, "event", external_id, effect, DUE, NOW)
    ledger.put_aside(session, [credit], NOW)


def make_members(app: Portal, count: int) -> list[UUID]:
    with app.app_context(), unit_of_work() as session:
        return [make_member(session).id for _ in range(count)]


def sweep(limit: int = 7, shards: int = 1) -> int:
    """Sweep every shard to its end; how many entries that posted."""
    entries = 0
    for number in random.sample(range(shards), shards):
        while True:
            with unit_of_work() as session:
                done = ledger.activate_due(session, DUE, rules=RULES, limit=limit, shard=Shard(number, shards))
            if done is None:
                break
            entries += done["entries"]
    return entries


def posted(app: Portal) -> tuple[int, int]:
    """How many entries there are, of how many points; the ledger is sound."""
    with app.app_context(), unit_of_work() as session:
        assert find_differences(session) == []
        row = session.execute(select(func.count(), func.coalesce(func.sum(LedgerEntry.amount), 0))).one()
        return row[0], int(row[1])


@pytest.mark.parametrize("shards", [1, 4])
def test_sweeps_at_once_post_each_credit_once(committed_app: Portal, shards: int) -> None:
    members = make_members(committed_app, 30)
    with committed_app.app_context(), unit_of_work() as session:
        for number, member_id in enumerate(members):
            put(session, member_id, 3, f"own-{number}")
            put(session, member_id, 5, f"pair-{number // 2}")
            put(session, members[-number], 7, f"shared-{number}", "other")
            put(session, member_id, 11, f"shared-{number}")
    done = at_once(committed_app, 4, lambda _: sweep(shards=shards))
    assert sum(done) == 120
    assert posted(committed_app) == (120, 30 * (3 + 5 + 7 + 11))


def test_a_sweep_that_waits_for_another_posts_what_that_one_left(committed_app: Portal) -> None:
    with committed_app.app_context():
        with unit_of_work() as session:
            for number in range(4):
                put(session, make_member(session).id, 10, f"A-{number}")
        rest: list[int] = []

        def sweep_to_the_end() -> None:
            with committed_app.app_context():
                rest.append(sweep(limit=2))

        other = threading.Thread(target=sweep_to_the_end)
        with unit_of_work() as session:
            first = ledger.activate_due(session, DUE, rules=RULES, limit=2)
            assert first == {"entries": 2, "points": 20, "members": 2}
            other.start()
            other.join(0.5)
            assert other.is_alive(), "it waits for the same members"
        other.join()
    assert rest == [2]
    assert posted(committed_app) == (4, 40)


def test_what_is_taken_back_during_a_sweep_is_taken_or_posted(committed_app: Portal) -> None:
    members = make_members(committed_app, 40)
    with committed_app.app_context(), unit_of_work() as session:
        for member_id in members:
            put(session, member_id, 10)

    def take_back(number: int) -> int:
        if number % 2:
            sweep(limit=3)
            return 0
        taken = 0
        for member_id in members:
            with unit_of_work() as session:
                lock_members(session, [member_id])
                taken += ledger.shrink(session, member_id, "event", "A-1", "base:1", 4)
        return taken

    taken = sum(at_once(committed_app, 4, take_back))
    assert posted(committed_app)[1] == 400 - taken


def test_a_release_by_hand_during_a_sweep_posts_each_once(committed_app: Portal) -> None:
    members = make_members(committed_app, 20)
    with committed_app.app_context(), unit_of_work() as session:
        for number, member_id in enumerate(members):
            put(session, member_id, 10, f"A-{number}")
            put(session, members[-1 - number], 10, f"A-{number}", "other")

    def act(number: int) -> int:
        if number % 2:
            return sweep(limit=3)
        entries = 0
        for order in random.sample(range(20), 20):
            with unit_of_work() as session:
                entries += len(ledger.activate_now(session, "event", f"A-{order}", DUE, rules=RULES).entries)
        return entries

    assert sum(at_once(committed_app, 4, act)) == 40
    assert posted(committed_app) == (40, 400)


def test_who_is_suspended_meanwhile_waits(committed_app: Portal) -> None:
    (member_id,) = make_members(committed_app, 1)
    with committed_app.app_context():
        with unit_of_work() as session:
            put(session, member_id, 10)
        done: list[int] = []

        def sweep_once() -> None:
            with committed_app.app_context():
                done.append(sweep())

        other = threading.Thread(target=sweep_once)
        with unit_of_work() as session:
            lock_members(session, [member_id])
            other.start()
            other.join(0.5)
            session.get_one(Member, member_id).status = "suspended"
        other.join()
    assert done == [0]
    assert posted(committed_app) == (0, 0)


def test_points_added_at_once_all_count(committed_app: Portal) -> None:
    (member_id,) = make_members(committed_app, 1)

    def add(_: int) -> None:
        for _ in range(5):
            with unit_of_work() as session:
                lock_members(session, [member_id])
                put(session, member_id, 2)

    at_once(committed_app, 6, add)
    with committed_app.app_context():
        assert sweep() == 1
    assert posted(committed_app) == (1, 60)
