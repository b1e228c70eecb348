"""`aggregate_loyalty_nudges`: bring everybody's nudges up to date, then send what is due."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from portal.nudges import candidates, dispatch
from portal.nudges.lost_claims import settle_lost_claims
from portal.platform import clock
from portal.platform.db import unit_of_work
from portal.platform.steps import Figures, Shard, Step

SHARDS = 8


def aggregate_loyalty_nudges(_: datetime) -> list[Step]:
    """Close claims of lost workers, aggregate candidates, and dispatch due nudges in bounded batches."""

    def settle(_: Shard) -> Figures | None:
        settled = settle_lost_claims()
        return {"settled": settled} if settled else None

    return [
        Step("lost_claims", settle, ("settled",)),
        Step("candidates", _aggregating(), candidates.FIGURES, SHARDS),
        Step("dispatch", dispatch.dispatch_batch, dispatch.FIGURES, SHARDS),
    ]


def _aggregating() -> Callable[[Shard], Figures | None]:
    """The work of aggregating a shard in pieces, in member-id order; a worker that takes it over begins it again."""
    reached: dict[Shard, UUID | None] = {}

    def work(shard: Shard) -> Figures | None:
        if shard in reached and reached[shard] is None:
            return None
        with unit_of_work() as session:
            done = candidates.aggregate_nudge_candidates(session, clock.now(), after=reached.get(shard), shard=shard)
        reached[shard] = done.after
        return done.figures

    return work
