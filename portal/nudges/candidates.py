"""Aggregation: the nudges of everybody for whom something is due or shown, a bounded number of members at a time."""

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
# A member is looked at once, whatever calls for it; the cost follows what is due and what is shown, not the programme.
_NEXT = text(f"""
    SELECT member_id FROM ({_DUE}) d
    WHERE member_id > :after AND get_byte(uuid_send(member_id), 15) % :of = :number
    ORDER BY member_id LIMIT :limit
""")


@dataclass(frozen=True, slots=True)
class Aggregated:
    """What a piece of the sweep has done, and after whom the next one begins; None: everybody has been looked at."""

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
    """Bring the nudges of up to `limit` members of the shard up to date, in member-id order from behind `after`.

    Who has something due that is not shown yet gets a nudge; one whose cause is gone or whose time is over ends; one
    that reads differently is rewritten (CONTRACT rule 15). Members for whom nothing changes are only read; the others'
    rows are locked and looked at again. Twice, at once or late it changes nothing more.
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
