"""Aggregation: updates the nudges of all members with something due or shown, a bounded number at a time."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.members import lock_members
from portal.nudges import state
from portal.nudges.feed import refresh_members
from portal.nudges.rules import NudgeRules
from portal.nudges.signals import SIGNALS
from portal.platform.steps import EVERYBODY, Figures, Shard

BATCH = 2000
FIGURES = ("members", "made", "renewed", "refreshed", "revived", "ended")
_NAMES = {"make": "made", "renew": "renewed", "refresh": "refreshed", "revive": "revived", "end": "ended"}
_FIRST = UUID(int=0)

_LIVE = "SELECT member_id FROM loyalty_nudges WHERE status IN ('active', 'acknowledged', 'dismissed')"
_DUE = " UNION ".join([*(f"({signal.members})" for signal in SIGNALS.values()), f"({_LIVE})"])
# Each member is checked once, however many signals they have. The cost depends on what is due and shown, not on the
# size of the programme.
_NEXT = text(f"""
    SELECT member_id FROM ({_DUE}) d
    WHERE member_id > :after AND get_byte(uuid_send(member_id), 15) % :of = :number
    ORDER BY member_id LIMIT :limit
""")


@dataclass(frozen=True, slots=True)
class Aggregated:
    """The result of one piece of the sweep, and the member after whom the next begins; None: the sweep is complete."""

    figures: Figures
    after: UUID | None


def aggregate_nudge_candidates(
    session: Session,
    now: datetime,
    *,
    rules: NudgeRules | None = None,
    after: UUID | None = None,
    limit: int = BATCH,
    shard: Shard = EVERYBODY,
) -> Aggregated:
    """Update the nudges of up to `limit` members of the shard, in member-id order, beginning after `after`.

    A member with something due that is not shown yet gets a nudge; a nudge whose cause is gone or that has expired
    ends; one whose facts have changed is refreshed (CONTRACT rule 15). Members for whom nothing changes are only read;
    the rows of the others are locked and read again. It is idempotent: running it again, concurrently or late changes
    nothing more.
    """
    rules = rules or NudgeRules.current()
    bounds = {"after": after or _FIRST, "limit": limit, "number": shard.number, "of": shard.of}
    members = session.scalars(_NEXT, {**state.values(rules, now), **bounds}).all()
    behind = session.scalars(state.BEHIND, state.values_for(rules, now, members)).all() if members else []
    changes: dict[str, int] = {}
    if behind:
        lock_members(session, behind)
        changes = refresh_members(session, behind, now, rules)
    figures = {"members": len(members), **{name: changes.get(action, 0) for action, name in _NAMES.items()}}
    return Aggregated(figures, members[-1] if len(members) == limit else None)
