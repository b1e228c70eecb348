"""What a draft of a rule would have granted: the orders of the last days, judged by it and as they were."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text

from portal.earning import Room, Rule, RuleTerms, find_window
from portal.orders.judging.snapshot import Snapshot, learn_rules, load_snapshot
from portal.orders.judging.targets import compute_target
from portal.orders.state import load_state
from portal.platform.db.reads import read_all
from portal.platform.documents import Document

MAX_DAYS = 90
MAX_ORDERS = 10_000
BATCH = 500

_EARLIEST = text("""
    SELECT count(*) AS orders, min(placed_at) AS first FROM (
        SELECT placed_at FROM loyalty_orders WHERE placed_at >= :since AND snapshot IS NOT NULL AND NOT test
        ORDER BY placed_at DESC LIMIT :most) o
""")
_ORDERS = text("""
    SELECT reference, member_id, placed_at, content, refunds, snapshot FROM loyalty_orders
    WHERE (placed_at, reference) > (:placed_at, :reference) AND snapshot IS NOT NULL AND NOT test
    ORDER BY placed_at, reference LIMIT :limit
""")


class _Row(NamedTuple):
    """An order that has earned, or might have."""

    reference: str
    member_id: UUID
    placed_at: datetime
    content: Document
    refunds: list[Document]
    snapshot: Document


@dataclass(slots=True)
class Preview:
    """The points of these orders then and now, and for how many members that is more or less.

    `orders` is how many were judged, the newest `MAX_ORDERS` at most.
    """

    orders: int = 0
    then: int = 0
    now: int = 0
    better: int = 0
    worse: int = 0


def preview_rule(slug: str, terms: RuleTerms, days: int, now: datetime) -> Preview:
    """Judge the orders of the last `days` by this draft instead of the rule that they were judged by. Writes nothing.

    Limits of the draft start afresh with the first of these orders.
    """
    draft, found = _Draft(Rule(slug, 0, terms)), Preview()
    by_member: defaultdict[UUID, int] = defaultdict(int)
    known: dict[tuple[str, int], Rule] = {}
    for row in _orders(now - timedelta(days=days)):
        learn_rules(known, [row.snapshot])
        then, after = draft.judge(row, known)
        found.orders += 1
        found.then += then
        found.now += after
        by_member[row.member_id] += after - then
    found.better = sum(difference > 0 for difference in by_member.values())
    found.worse = sum(difference < 0 for difference in by_member.values())
    return found


def _orders(since: datetime) -> Iterator[_Row]:
    """The orders placed since then, oldest first; the newest `MAX_ORDERS`."""
    (edge,) = read_all(_EARLIEST, {"since": since, "most": MAX_ORDERS})
    position = {"placed_at": edge.first, "reference": ""}
    while edge.first is not None:
        rows = read_all(_ORDERS, {**position, "limit": BATCH}, _Row)
        yield from rows
        if len(rows) < BATCH:
            return
        position = {"placed_at": rows[-1].placed_at, "reference": rows[-1].reference}


@dataclass(slots=True)
class _Draft:
    """A draft, and what was used of its limits so far."""

    rule: Rule
    points: defaultdict[tuple[UUID, datetime], int] = field(default_factory=lambda: defaultdict(int))
    times: defaultdict[tuple[UUID, datetime], int] = field(default_factory=lambda: defaultdict(int))
    total: int = 0

    def judge(self, row: _Row, known: Mapping[tuple[str, int], Rule]) -> tuple[int, int]:
        """The points of an order by the rules of its snapshot, and with the draft among them."""
        order, refunds = load_state(row.content, row.refunds)
        snapshot = load_snapshot(row.snapshot, known)
        then = compute_target(order, refunds, snapshot).points
        window = self._window(row, snapshot)
        after = compute_target(order, refunds, self._with_draft(snapshot, window))
        mine = sum(grant.points for grant in after.grants if grant.rule.slug == self.rule.slug)
        self.points[window] += mine
        self.times[window] += mine > 0
        self.total += mine
        return then, after.points

    def _window(self, row: _Row, snapshot: Snapshot) -> tuple[UUID, datetime]:
        limit = self.rule.terms.limits.per_member
        return row.member_id, find_window(limit.window if limit else "ever", row.placed_at, snapshot.zone)[0]

    def _with_draft(self, snapshot: Snapshot, window: tuple[UUID, datetime]) -> Snapshot:
        others = [rule for rule in snapshot.rules if rule.slug != self.rule.slug]
        whole = Room.untouched(self.rule.terms.limits)
        room = Room(
            None if whole.member_points is None else max(whole.member_points - self.points[window], 0),
            None if whole.member_times is None else max(whole.member_times - self.times[window], 0),
            None if whole.programme is None else max(whole.programme - self.total, 0),
        )
        facts = replace(snapshot.facts, room={**snapshot.facts.room, self.rule.slug: room})
        return replace(snapshot, rules=(*others, self.rule), facts=facts)
