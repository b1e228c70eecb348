"""A tier that is put while points are posted reaches everyone who has earned it (CONTRACT rule 9).

The request that puts it waits for nobody and moves nobody; the worker that it wakes does.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.ledger.verify import find_differences
from portal.members.membership import lock_members
from portal.members.models import Member
from portal.platform import clock, outbox
from portal.platform.audit import Act
from portal.platform.db import unit_of_work
from portal.platform.web.application import Portal
from portal.tiers.models import Requalification
from portal.tiers.qualification import put_tier
from tests.concurrency import at_once
from tests.factories.accounts import make_user
from tests.factories.loyalty import earn, make_member, make_tier


@contextmanager
def tier_put_meanwhile(app: Portal, threshold: int) -> Iterator[Session]:
    """Put a tier from another connection before the block's transaction ends; a worker is at it at once."""

    def put() -> None:
        with app.app_context(), unit_of_work() as session:
            put_tier(session, "new", {"name": "New", "threshold": threshold}, Act("test", clock.now()))

    worker = threading.Thread(target=lambda: work_off(app))
    with app.app_context():
        with unit_of_work() as session:
            yield session
            other = threading.Thread(target=put)
            other.start()
            other.join(5)
            assert not other.is_alive(), "putting a tier waits for postings"
            worker.start()
            worker.join(0.5)
        worker.join()


def work_off(app: Portal) -> None:
    """Do what a worker does with the outbox until nothing is left."""
    with app.app_context():
        while outbox.deliver()["postponed"]:
            pass


def earn_locked(session: Session, member_id: UUID, points: int) -> None:
    """A posting as requests make it: under the member's row lock."""
    lock_members(session, [member_id])
    earn(session, session.get_one(Member, member_id), points)


def differences(app: Portal) -> list[dict[str, Any]]:
    with app.app_context(), unit_of_work() as session:
        return find_differences(session)


def left(app: Portal) -> int:
    """How many changes of tiers are not done yet."""
    with app.app_context(), unit_of_work() as session:
        return session.query(Requalification).filter(Requalification.finished_at.is_(None)).count()


def changes(app: Portal) -> int:
    with app.app_context(), unit_of_work() as session:
        return int(session.scalar(text("SELECT count(*) FROM loyalty_tier_changes")))


def test_a_posting_under_way_does_not_miss_a_tier_that_is_put_meanwhile(committed_app: Portal) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        member = make_member(session)
    with tier_put_meanwhile(committed_app, 500) as session:
        earn_locked(session, member.id, 600)
    assert (changes(committed_app), left(committed_app)) == (1, 0)
    assert differences(committed_app) == []


def test_a_membership_under_way_does_not_miss_the_first_tier(committed_app: Portal) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        user = make_user(session)
    with tier_put_meanwhile(committed_app, 0) as session:
        make_member(session, user)
    assert (changes(committed_app), left(committed_app)) == (1, 0)
    assert differences(committed_app) == []


def test_tiers_put_while_points_are_posted_neither_deadlock_nor_repeat_an_upgrade(committed_app: Portal) -> None:
    with committed_app.app_context(), unit_of_work() as session:
        make_tier(session, "base", 0)
        members = [make_member(session).id for _ in range(4)]

    def work(number: int) -> None:
        for step in range(1, 9):
            with unit_of_work() as session:
                if number < 3:
                    values = {"name": "Tier", "threshold": 100 * step + number}
                    put_tier(session, f"tier-{number}-{step}", values, Act("test", clock.now()))
                else:
                    earn_locked(session, members[(number + step) % 4], 70)
            if number == 0:
                work_off(committed_app)

    at_once(committed_app, 9, work)
    work_off(committed_app)
    assert left(committed_app) == 0
    assert differences(committed_app) == []
    with committed_app.app_context(), unit_of_work() as session:
        repeated = "SELECT count(*) - count(DISTINCT (member_id, to_tier_id)) FROM loyalty_tier_changes"
        assert session.scalar(text(repeated)) == 0
