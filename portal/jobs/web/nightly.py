"""Nightly jobs: verify the ledger; delete records past their retention, and give up old debts, in batches."""

from datetime import datetime

from sqlalchemy import text

from portal.ledger import CHECKS, EarningRules, keep_check, write_off_old
from portal.platform import clock
from portal.platform.db import count_changed, unit_of_work
from portal.platform.retention import Retention, list_retentions
from portal.platform.settings import current_settings
from portal.platform.steps import Figures, Shard, Step

BATCH = 2000


def purge_old_records(_: datetime) -> list[Step]:
    """One step for each table that has a retention period, and one for points that were owed for too long."""
    settings = current_settings()
    rules, months = EarningRules.of(settings), settings.owed_write_off_months

    def give_up(_: Shard) -> Figures | None:
        with unit_of_work() as session:
            return write_off_old(session, clock.now(), months=months, rules=rules)

    return [*map(_step, list_retentions()), Step("owed_points", give_up, ("members", "points"))]


def _step(retention: Retention) -> Step:
    table = retention.table
    delete = text(f"DELETE FROM {table} WHERE ctid IN (SELECT ctid FROM {table} WHERE {retention.old} LIMIT {BATCH})")

    def work(_: Shard) -> Figures | None:
        with unit_of_work() as session:
            deleted = count_changed(session.execute(delete, {"before": clock.now() - retention.kept}))
        return {"deleted": deleted} if deleted else None

    return Step(table, work, ("deleted",))


def verify_ledger_nightly(slot: datetime) -> list[Step]:
    """Recompute balances, holds, lots and tiers; the figures are the numbers of checks and of differences."""
    todo = list(CHECKS)

    def work(_: Shard) -> Figures | None:
        if not todo:
            return None
        with unit_of_work() as session:
            return {"checks": 1, "differences": keep_check(session, slot, todo.pop(0))}

    return [Step("checks", work, ("checks", "differences"))]
