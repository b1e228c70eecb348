"""The order of tiers: what is higher up needs more points (CONTRACT rule 9)."""

from collections.abc import Sequence
from typing import Protocol

from portal.core.formatting import grouped
from portal.core.problems import InvalidInput


class Rung(Protocol):
    """A tier as its order sees it."""

    name: str
    threshold: int
    position: int


def next_position(others: Sequence[Rung], threshold: int) -> int:
    """A place for a new tier between its neighbours by threshold, those above moving up where there is no room."""
    below = [t for t in others if t.threshold < threshold]
    above = [t for t in others if t.threshold > threshold]
    position = below[-1].position + 1 if below else 1
    for step, tier in enumerate(above, 1):
        tier.position = max(tier.position, position + step)
    return position


def must_ascend(tier: Rung, others: Sequence[Rung]) -> None:
    """Refuse a tier that would break the order of the other active ones.

    :raises InvalidInput: its threshold or position is taken, or thresholds would not ascend with position.
    """
    for other in others:
        if other.threshold == tier.threshold:
            raise InvalidInput(("threshold", f"{other.name} has the threshold {grouped(other.threshold)} already"))
        if other.position == tier.position:
            raise InvalidInput(("position", f"{other.name} has the position {other.position} already"))
        if (other.position < tier.position) != (other.threshold < tier.threshold):
            way, much = ("below", "fewer") if tier.position < other.position else ("above", "more")
            stands = f"{other.name}, at position {other.position}, needs {grouped(other.threshold)} points"
            wanted = f"thresholds would not ascend: {stands}, so a tier {way} it must need {much}"
            raise InvalidInput(("threshold", wanted))
