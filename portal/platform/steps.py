"""How a domain describes periodic work: steps done in bounded pieces, which any number of workers may share."""

from collections.abc import Callable
from dataclasses import dataclass

Figures = dict[str, int]


@dataclass(frozen=True, slots=True)
class Shard:
    """One of `of` equal parts of all members, by the last byte of their id."""

    number: int = 0
    of: int = 1


EVERYBODY = Shard()


@dataclass(frozen=True, slots=True)
class Step:
    """One part of a job.

    `work` does one bounded piece in its own transaction and returns its `figures`, which are summed over all pieces,
    or None once nothing is left. It is idempotent: a piece done again, or by two workers at once, changes nothing more.
    """

    name: str
    work: Callable[[Shard], Figures | None]
    figures: tuple[str, ...]
    shards: int = 1


def add_up(total: Figures, more: Figures) -> Figures:
    """The sums of both, figure by figure."""
    return {name: total.get(name, 0) + more.get(name, 0) for name in {**total, **more}}
