"""Claims whose worker was lost: a known outcome is recorded; all others are uncertain and never sent again."""

from datetime import datetime
from typing import NamedTuple, cast
from uuid import UUID

from sqlalchemy import text

from portal.notifications import Outcome, abandon
from portal.nudges.dispatch import message_key, record_outcome
from portal.nudges.events import About
from portal.nudges.reasons import Reason
from portal.platform import clock
from portal.platform.db import unit_of_work

BATCH = 100
_LOST = text("""
    SELECT e.member_id, e.id, e.nudge_id, e.campaign_id, n.created_at, n.signal
    FROM loyalty_nudge_dispatch_events e JOIN loyalty_nudges n ON n.member_id = e.member_id AND n.id = e.nudge_id
    WHERE e.status = 'claimed' AND e.lease_until <= :now ORDER BY e.lease_until LIMIT :limit
""")


class LostRow(NamedTuple):
    """A claim whose lease has expired, and its nudge."""

    member_id: UUID
    id: UUID
    nudge_id: UUID
    campaign_id: UUID | None
    created_at: datetime
    signal: str


def settle_lost_claims() -> int:
    """Close up to 100 claims whose lease (in real time) has expired; returns how many, 0 when none is left."""
    with unit_of_work() as session:
        found = session.execute(_LOST, {"now": clock.real_now(), "limit": BATCH}).all()
    lost = cast("list[LostRow]", found)
    for row in lost:
        _settle(row)
    return len(lost)


def _settle(row: LostRow) -> None:
    """Record the message's outcome; it is uncertain if the worker was lost before or during sending."""
    ended = abandon(message_key(row.id))
    about = About(row.member_id, row.nudge_id, row.campaign_id, row.created_at, row.signal)
    with unit_of_work() as session:
        if ended is None or ended.status == "uncertain":
            record_outcome(session, about, row.id, Outcome("uncertain"), clock.now(), Reason.WORKER_LOST)
        else:
            outcome = Outcome(ended.status, ended.reason, ended.backend, ended.sent_at)
            record_outcome(session, about, row.id, outcome, clock.now())
