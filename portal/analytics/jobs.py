"""`capture_loyalty_analytics_snapshot`: the nightly job."""

from datetime import datetime

from flask import current_app

from portal.analytics.snapshots import capture_snapshot
from portal.core.db import unit_of_work
from portal.core.steps import Figures, Shard, Step


def capture_loyalty_analytics_snapshot(slot: datetime) -> list[Step]:
    """Keep the figures as of the slot, also when it is caught up later."""
    zone, todo = current_app.config["SETTINGS"].timezone, [slot]

    def work(_: Shard) -> Figures | None:
        if not todo:
            return None
        with unit_of_work() as session:
            return capture_snapshot(session, todo.pop(), zone)

    return [Step("snapshot", work, ("snapshots", "entries", "members"))]
