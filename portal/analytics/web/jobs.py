"""`capture_loyalty_analytics_snapshot`: the nightly job."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from sqlalchemy.orm import Session

from portal.analytics.details import capture_details, capture_month, months_until
from portal.analytics.reads import get_last_night
from portal.analytics.snapshots import capture_snapshot, missed_moments
from portal.platform.db import unit_of_work
from portal.platform.settings import current_settings
from portal.platform.steps import Figures, Shard, Step


def capture_loyalty_analytics_snapshot(slot: datetime) -> list[Step]:
    """Store the figures as of the slot, even if it runs later; what takes long is captured month by month.

    Missed nights before it are stored first, so that each has its own points.
    """
    settings = current_settings()
    zone = settings.programme_timezone
    last = get_last_night(slot.astimezone(zone).date(), zone)
    todo: list[Callable[[Session], Figures | None]] = [
        *(partial(capture_snapshot, moment=moment, zone=zone) for moment in missed_moments(last, slot, zone)),
        partial(capture_snapshot, moment=slot, zone=zone),
        partial(capture_details, moment=slot, zone=zone, currency=settings.programme_currency),
        *(partial(capture_month, moment=slot, zone=zone, month=month) for month in months_until(slot, zone)),
    ]

    def work(_: Shard) -> Figures | None:
        if not todo:
            return None
        with unit_of_work() as session:
            return todo.pop(0)(session) or {}

    return [Step("snapshot", work, ("snapshots", "entries", "members"))]
