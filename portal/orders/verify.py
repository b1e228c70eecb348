"""Orders' part of `ledger verify`: figures, entries and, by their snapshots, targets."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.earning import Rule, RuleKind
from portal.ledger import Check, Difference, by_sql
from portal.orders.judging.snapshot import Snapshot, learn_rules, load_snapshot
from portal.orders.judging.targets import compute_target
from portal.orders.state import load_state
from portal.platform import ids
from portal.platform.documents import Document

BATCH = 500

# What the grants of an order's rules have posted: credits, and reversals less what they could not take.
_POSTED = """
    SELECT e.member_id, e.external_id AS reference, sum(e.qualifying) AS qualifying,
           sum(e.amount) - sum(coalesce((e.metadata -> 'takes' ->> 'expired')::bigint, 0)
                             + coalesce((e.metadata -> 'takes' ->> 'owed')::bigint, 0)
                             + coalesce((e.metadata -> 'takes' ->> 'writtenOff')::bigint, 0)) AS points
    FROM loyalty_ledger_entries e
    WHERE e.source = 'order' AND (e.effect LIKE 'grant:%' OR e.effect LIKE 'reverse:%') GROUP BY 1, 2
"""
_WAITING = """
    SELECT member_id, external_id AS reference, sum(points) AS points,
           sum(points) FILTER (WHERE qualifies_tier) AS qualifying
    FROM loyalty_pending_credits WHERE source = 'order' AND activated_at IS NULL GROUP BY 1, 2
"""
_GRANTED = """
    SELECT g.member_id, g.external_id AS reference, sum(g.granted) AS granted, sum(g.reversed) AS reversed,
           sum(g.granted - g.reversed) AS points, sum(g.granted - g.reversed) FILTER (
               WHERE coalesce((v.terms -> 'qualifies' -> 'tier')::boolean, true)) AS qualifying
    FROM loyalty_earning_grants g JOIN loyalty_earning_rule_versions v USING (slug, version)
    WHERE g.source = 'order' GROUP BY 1, 2
"""
_FIGURES = f"""
    SELECT o.member_id, f.stored, f.sum FROM loyalty_orders o
    FULL JOIN (SELECT reference, sum(granted) AS granted, sum(reversed) AS reversed FROM ({_GRANTED}) g GROUP BY 1) g
      USING (reference)
    CROSS JOIN LATERAL (VALUES (coalesce(o.granted, 0), coalesce(g.granted, 0)),
                               (coalesce(o.reversed, 0), coalesce(g.reversed, 0))) AS f(stored, sum)
    WHERE f.stored <> f.sum
"""


def _compare(figure: str) -> str:
    """The statement that compares a figure of what was granted with what was posted or waits."""
    return f"""
        SELECT member_id, coalesce(g.{figure}, 0), coalesce(p.{figure}, 0) + coalesce(w.{figure}, 0)
        FROM ({_GRANTED}) g FULL JOIN ({_POSTED}) p USING (member_id, reference)
        FULL JOIN ({_WAITING}) w USING (member_id, reference)
        WHERE coalesce(g.{figure}, 0) <> coalesce(p.{figure}, 0) + coalesce(w.{figure}, 0)
    """


# What orders have given back of redemptions; by hand, more may have come back.
_RESTORES = text("""
    SELECT v.key, sum(v.value::bigint)::bigint AS points FROM loyalty_orders o
    CROSS JOIN LATERAL jsonb_each_text(o.restores) v WHERE o.restores <> '{}' GROUP BY v.key
""")
_RESTORED = text("""
    SELECT r.member_id, r.restored, g.points
    FROM unnest(CAST(:ids AS uuid[]), CAST(:points AS bigint[])) AS g(id, points)
    LEFT JOIN loyalty_redemptions r ON r.id = g.id
    WHERE coalesce(r.restored, 0) < g.points
""")
# Of each order, what its member has by rule, what anybody else still has of it, and the grants that it alone can have.
_ORDERS = text("""
    SELECT o.member_id, o.reasons @> ARRAY['member_suspended'] AS suspended, o.test, o.history, o.content, o.refunds,
           o.snapshot,
           coalesce(g.mine, '{}') AS mine, coalesce(g.others, 0)::bigint AS others,
           ARRAY(SELECT e.slug FROM loyalty_earning_entitlements e
                 WHERE e.member_id = o.member_id AND e.source = 'order' AND e.external_id = o.reference) AS entitled
    FROM loyalty_orders o
    CROSS JOIN LATERAL (
        SELECT json_object_agg(slug, granted - reversed) FILTER (WHERE is_mine) AS mine,
               sum(granted - reversed) FILTER (WHERE NOT is_mine) AS others
        FROM (SELECT *, member_id IS NOT DISTINCT FROM o.member_id AND episode = o.episode AS is_mine
              FROM loyalty_earning_grants WHERE source = 'order' AND external_id = o.reference) g) g
""")


class _Row(NamedTuple):
    """An order with the net points of its member by rule, of others, and what it has an entitlement to."""

    member_id: UUID | None
    suspended: bool
    test: bool
    history: bool
    content: Document
    refunds: list[Document]
    snapshot: Document | None
    mine: dict[str, int]
    others: int
    entitled: list[str]


def find_wrong_targets(session: Session) -> Iterator[Difference]:
    """Where a rule has not granted what the order's snapshot and state say: its points, and what they should be.

    Where limits, a suspension or another first order may have kept points back, only more than the target is wrong.
    """
    known: dict[tuple[str, int], Rule] = {}
    for found in session.execute(_ORDERS.execution_options(yield_per=BATCH)).partitions():
        rows = [_Row(*row) for row in found]
        learn_rules(known, [row.snapshot for row in rows if row.snapshot])
        for row in rows:
            yield from _differences(row, known)


def find_wrong_restores(session: Session) -> Iterator[Difference]:
    """Redemptions of which orders say that they gave back more than has come back."""
    said = {ids.parse(row.key): row.points for row in session.execute(_RESTORES)}
    values = {"ids": list(said), "points": list(said.values())}
    for member_id, restored, points in session.execute(_RESTORED, values):
        yield member_id, restored or 0, points


def _differences(row: _Row, known: Mapping[tuple[str, int], Rule]) -> Iterator[Difference]:
    if row.others:
        yield row.member_id, row.others, 0
    snapshot = load_snapshot(row.snapshot, known) if row.snapshot else None
    target = _target(row, snapshot)
    for slug in sorted({*row.mine, *target}):
        net, wanted = row.mine.get(slug, 0), target.get(slug, 0)
        if net > wanted or (net < wanted and not _is_kept_back(row, snapshot, slug)):
            yield row.member_id, net, wanted


def _target(row: _Row, snapshot: Snapshot | None) -> dict[str, int]:
    if snapshot is None or row.test:
        return {}
    target = compute_target(*load_state(row.content, row.refunds), snapshot)
    return {
        grant.rule.slug: grant.points
        for grant in target.grants
        if grant.rule.terms.kind is not RuleKind.FIRST_ORDER or grant.rule.slug in row.entitled
    }


def _is_kept_back(row: _Row, snapshot: Snapshot | None, slug: str) -> bool:
    """Whether the rule may have granted less than the target."""
    limited = snapshot is not None and slug in snapshot.facts.room
    return limited or row.suspended or (row.history and slug not in row.mine)


CHECKS: dict[str, Check] = {
    "order_figures": by_sql(_FIGURES),
    "order_points": by_sql(_compare("points")),
    "order_qualifying": by_sql(_compare("qualifying")),
    "order_target": find_wrong_targets,
    "order_restored": find_wrong_restores,
}
