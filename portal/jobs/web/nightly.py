"""Nightly: the ledger is verified, and what nobody will ask for any more is deleted, so many at a time."""

from datetime import datetime, timedelta

from sqlalchemy import text

from portal.ledger import CHECKS, keep_check
from portal.platform import clock
from portal.platform.db import count_changed, unit_of_work
from portal.platform.settings import current_settings
from portal.platform.steps import Figures, Shard, Step

BATCH = 2000
# Table, what is old in it, and after how many days. Keys of the outbox stay unique for as long as its rows are kept.
KEPT = {
    "idempotency_keys": ("created_at < :before", 2),
    "login_failures": ("at < :before", 30),
    "known_devices": ("last_used_at < :before", 400),
    "account_notices": ("at < :before", 30),
    "registrations": ("created_at < :before", 30),
    "auth_sessions": ("expires_at < :before", 30),
    "messages": ("created_at < :before AND status NOT IN ('claimed', 'uncertain')", 180),
    "outbox": ("status = 'done' AND finished_at < :before", 180),
    "ledger_checks": ("checked_at < :before", 90),
    "member_imports": ("created_at < :before AND status <> 'applying'", 30),
    "loyalty_invite_recipients": ("sent_at < :before", 366),
    "job_runs": ("status IN ('succeeded', 'failed') AND started_at < :before", 90),
}
# Registered, never confirmed, and never used: no membership has been opened.
ABANDONED = """
    email_verified_at IS NULL AND email IS NOT NULL AND role = 'member' AND created_at < :before
    AND NOT EXISTS (SELECT FROM loyalty_members m WHERE m.user_id = users.id)
"""


def purge_old_records(_: datetime) -> list[Step]:
    """A step for each table with records that age."""
    kept = {**KEPT, "users": (ABANDONED, current_settings().unverified_account_days)}
    return [_step(table, condition, days) for table, (condition, days) in kept.items()]


def _step(table: str, condition: str, days: int) -> Step:
    delete = text(f"DELETE FROM {table} WHERE ctid IN (SELECT ctid FROM {table} WHERE {condition} LIMIT {BATCH})")

    def work(_: Shard) -> Figures | None:
        with unit_of_work() as session:
            deleted = count_changed(session.execute(delete, {"before": clock.now() - timedelta(days=days)}))
        return {"deleted": deleted} if deleted else None

    return Step(table, work, ("deleted",))


def verify_ledger_nightly(slot: datetime) -> list[Step]:
    """Recompute balances, holds, lots and tiers; the figures say how many checks were made and what they found."""
    todo = list(CHECKS)

    def work(_: Shard) -> Figures | None:
        if not todo:
            return None
        with unit_of_work() as session:
            return {"checks": 1, "differences": keep_check(session, slot, todo.pop(0))}

    return [Step("checks", work, ("checks", "differences"))]
