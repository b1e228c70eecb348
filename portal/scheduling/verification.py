"""`verify_ledger_nightly`: what `flask ledger verify` checks, one check after the other, kept for the consoles."""

from datetime import datetime

from portal.core.db import unit_of_work
from portal.core.steps import Figures, Shard, Step
from portal.ledger.checks import keep_check
from portal.ledger.verify import CHECKS


def verify_ledger_nightly(slot: datetime) -> list[Step]:
    """Recompute balances, holds, lots and tiers; the figures say how many checks were made and what they found."""
    todo = list(CHECKS)

    def work(_: Shard) -> Figures | None:
        if not todo:
            return None
        with unit_of_work() as session:
            return {"checks": 1, "differences": keep_check(session, slot, todo.pop(0))}

    return [Step("checks", work, ("checks", "differences"))]
