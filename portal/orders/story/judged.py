"""An order as its snapshot judges it now: what of each line counts, which rules pay nothing, and why."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from portal.earning import Evaluation, Lost, Rule, RuleKind, explain_lost, round_half_up
from portal.orders.judging.snapshot import Snapshot, load_snapshot
from portal.orders.judging.targets import NoPoints, compute_target
from portal.orders.state import OrderInput, StoredRefund
from portal.orders.story.reads import HeadRow

GIVEN_BACK = "Everything of the order was given back."
OUTSIDE_RULES = {
    NoPoints.CANCELLED: "The order was cancelled.",
    NoPoints.TEST_ORDER: "It is a test order.",
    NoPoints.NOT_PAID: "The order is not paid any more.",
    NoPoints.MEMBER_SUSPENDED: "The membership is suspended.",
}
# What they pay for is no order.
_ELSEWHERE = frozenset({RuleKind.EVENT, RuleKind.SIGN_UP, RuleKind.BIRTHDAY})


@dataclass(frozen=True, slots=True)
class Verdict:
    """A rule that was looked at and grants nothing of its own, and why."""

    rule: Rule
    sentence: str


@dataclass(frozen=True, slots=True)
class Judged:
    """The snapshot with its verdicts, and what of each line counts and earns, by its id; `rules` are those of orders.

    `counts` and `excluded` are in the smallest unit of the programme's currency. `outside`: why no rule was asked.
    """

    snapshot: Snapshot
    rules: Sequence[Rule]
    verdicts: Sequence[Verdict]
    counts: Mapping[str, int]
    points: Mapping[str, int]
    excluded: Mapping[str, int]
    outside: str = ""


def judge(head: HeadRow, order: OrderInput, refunds: Sequence[StoredRefund], paying: frozenset[str]) -> Judged | None:
    """Evaluate the order by its stored snapshot, as when it was booked; None if it was never judged.

    `paying` are the rules that have granted points; others that could have found nothing left when it was booked.
    """
    if head.snapshot is None:
        return None
    snapshot = load_snapshot(head.snapshot)
    target = compute_target(order, refunds, snapshot)
    points: defaultdict[str, int] = defaultdict(int)
    for grant in target.grants:
        for line_id, share in grant.lines.items():
            points[line_id] += share
    basis = target.evaluation.basis
    outside = next((OUTSIDE_RULES[NoPoints(code)] for code in head.reasons if code in OUTSIDE_RULES), "")
    if not outside and not any(line.share for line in target.remaining.lines.values()):
        outside = GIVEN_BACK
    rules = [rule for rule in snapshot.rules if rule.terms.kind not in _ELSEWHERE]
    return Judged(
        snapshot,
        rules,
        () if outside else _verdicts(rules, target.evaluation, paying),
        {each.line.id: round_half_up(each.amount) for each in basis.lines} if basis else {},
        points,
        {what: round_half_up(amount) for what, amount in basis.excluded.items()} if basis else {},
        outside,
    )


def _verdicts(rules: Sequence[Rule], evaluation: Evaluation, paying: frozenset[str]) -> list[Verdict]:
    if evaluation.basis is None:
        return []
    return [Verdict(rule, _sentence(rule, evaluation)) for rule in rules if rule.slug not in paying]


def _sentence(rule: Rule, evaluation: Evaluation) -> str:
    lost = evaluation.lost.get(rule.slug)
    if lost is None and rule.terms.kind is RuleKind.MULTIPLIER:
        return f"It takes part: {rule.terms.multiplier} times the points of other rules."
    return explain_lost(rule.terms.kind, lost or Lost.USED_UP)
