"""How an order came to what it is: every state and every act of an operator, in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from portal.orders.story.changes import tell_changes
from portal.orders.story.reads import MAX_STATES, ActRow, StateRow
from portal.platform.formatting import format_points, reader_locale

CAUSES = {"put": "Told by the shop", "claim": "Claimed by who confirmed its address"}
BY_HAND = "Claimed by hand"
RELEASE, CLAIM = "order.release", "order.claim"


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to an order, by whom and why.

    `points` is what the order should have granted from then on, `difference` against before; None: as before.
    """

    at: datetime
    what: str
    actor: str
    reason: str
    changes: Sequence[str]
    points: int | None = None
    difference: int = 0


def tell_history(states: Sequence[StateRow], acts: Sequence[ActRow]) -> list[Event]:
    """What happened, newest first; `states` are newest first, with one more than is told."""
    before = [*states[1:], None]
    told = [_state(state, older, acts) for state, older in zip(states, before, strict=True)][:MAX_STATES]
    released = [_release(act) for act in acts if act.action == RELEASE]
    return sorted([*told, *released], key=lambda event: event.at, reverse=True)


def count_untold(states: Sequence[StateRow]) -> int:
    """How many states are older than those that are told."""
    return states[MAX_STATES].change if len(states) > MAX_STATES else 0


def _state(state: StateRow, before: StateRow | None, acts: Sequence[ActRow]) -> Event:
    by_hand = next((act for act in acts if act.action == CLAIM and act.at == state.at), None)
    what = CAUSES.get(state.cause, state.cause.replace("_", " ").capitalize())
    points = _points(state)
    return Event(
        state.at,
        BY_HAND if by_hand else what,
        state.actor,
        by_hand.reason if by_hand else "",
        tell_changes(state, before),
        points,
        points - (_points(before) if before else 0),
    )


def _release(act: ActRow) -> Event:
    points = (act.after or {}).get("points", 0)
    words = f"{format_points(points, reader_locale())} point{'' if points == 1 else 's'} became active at once."
    return Event(act.at, "Released by hand", act.actor, act.reason, [words])


def _points(state: StateRow) -> int:
    """What the state should have granted; a test order grants nothing, whatever its rules would."""
    return 0 if state.content.get("test") else sum(facts["points"] for facts in state.grants.values())
