"""Members who rise because the tiers changed: a job moves them in batches, not the request (CONTRACT-PROGRAMME 10.1).

Until the job reaches them, members keep their tier; members who earn points meanwhile are judged by the newest
definition. Nobody is moved down (CONTRACT rule 9).
"""

import time
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text, update
from sqlalchemy.orm import Session

from portal.members import lock_members
from portal.platform import clock, ids, outbox
from portal.platform.db import unit_of_work
from portal.platform.db.reads import read_one
from portal.tiers.models import Requalification
from portal.tiers.qualification import record_upgrades

BATCH = 500
SLICE_SECONDS = 10
WAIT_SECONDS = 0.05

# The members of each tier, and of no tier, whose points reach the next active tier. These are range scans of an index
# by tier and points: the cost depends on how many members rise, not on how many there are.
_BEHIND = """
    SELECT m.id FROM loyalty_tiers s
    CROSS JOIN LATERAL (SELECT min(threshold) AS next FROM loyalty_tiers WHERE active AND threshold > s.threshold) n
    CROSS JOIN LATERAL (
        SELECT id FROM loyalty_members WHERE tier_id = s.id AND lifetime_earned >= n.next LIMIT :limit) m
    UNION ALL
    SELECT m.id FROM (SELECT min(threshold) AS next FROM loyalty_tiers WHERE active) n
    CROSS JOIN LATERAL (
        SELECT id FROM loyalty_members WHERE tier_id IS NULL AND lifetime_earned >= n.next LIMIT :limit) m
"""
_SOME = text(f"{_BEHIND} LIMIT :limit")
_ALL = text(f"SELECT count(*) FROM ({_BEHIND}) behind")
_BEGIN = text("""
    UPDATE loyalty_requalifications SET begun_at = coalesce(begun_at, clock_timestamp()),
        expected = coalesce(expected, :expected)
    WHERE id = :id AND finished_at IS NULL RETURNING begun_at
""")
# A transaction that began before the job may still use the old tiers, and what it posts is not visible yet.
_UNDER_WAY = text("""
    SELECT EXISTS (
        SELECT FROM pg_stat_activity
        WHERE datname = current_database() AND usename = current_user AND xact_start < :begun_at
          AND pid <> pg_backend_pid())
""")
_PROGRESS = text("""
    SELECT count(*) AS changes, sum(moved)::bigint AS moved, max(expected) AS expected
    FROM loyalty_requalifications WHERE finished_at IS NULL
""")


class Progress(NamedTuple):
    """Changes under way, how many members they have moved, and of how many (None before that is counted)."""

    changes: int
    moved: int
    expected: int | None


def move_some(session: Session, now: datetime, limit: int) -> tuple[int, int]:
    """Move up to `limit` members who have reached a higher tier, and announce it to them.

    Returns how many were found (0: none is left) and how many of them this call moved up.
    """
    found = session.scalars(_SOME, {"limit": limit}).all()
    if not found:
        return 0, 0
    lock_members(session, found)
    return len(found), len(record_upgrades(session, found, now))


def requalify(message: outbox.Claimed) -> None:
    """Move up everybody who qualifies after a change of the tiers; a call that was interrupted is resumed by the next.

    :raises outbox.Postponed: if it is not finished after `SLICE_SECONDS`.
    """
    key = ids.parse(message.payload["id"])
    begun_at = _begin(key)
    deadline = time.monotonic() + SLICE_SECONDS
    while begun_at is not None:
        with unit_of_work() as session:
            final = not session.scalar(_UNDER_WAY, {"begun_at": begun_at})
        with unit_of_work() as session:
            found = _move(session, key, final)
        if not found and final:
            return
        if time.monotonic() > deadline:
            raise outbox.Postponed(clock.now() + (timedelta(0) if found else timedelta(seconds=1)))
        if not found:
            time.sleep(WAIT_SECONDS)


def _begin(key: UUID | None) -> datetime | None:
    """Mark the change as begun, unless it is; returns when it began, or None if it is finished."""
    with unit_of_work() as session:
        expected = session.scalar(_ALL, {"limit": None})
        began: datetime | None = session.scalar(_BEGIN, {"id": key, "expected": expected})
        return began


def _move(session: Session, key: UUID | None, final: bool) -> int:
    """Move one batch and record the progress; the change is finished if `final` is set and nobody is found."""
    now = clock.now()
    found, risen = move_some(session, now, BATCH)
    values: dict[str, Any] = {"moved": Requalification.moved + risen}
    if final and not found:
        values["finished_at"] = now
    session.execute(update(Requalification).where(Requalification.id == key).values(values))
    return found


def get_progress() -> Progress | None:
    """The progress of unfinished changes; None if there are none."""
    row = read_one(_PROGRESS, {}, Progress)
    return row if row is not None and row.changes else None


def close_all(session: Session, now: datetime) -> None:
    """Mark every change as finished: for a history that was loaded as data."""
    session.execute(update(Requalification).where(Requalification.finished_at.is_(None)).values(finished_at=now))
