"""The target of an order: what it should have granted, from its snapshot and what remains of it. Pure.

What is posted is the target less what was granted so far, so that edits, refunds and any order of their arrival are the
same function (CONTRACT-EARNING 8.1).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction

from portal.earning import Evaluation, Grant, Lost, Reason, Rule, RuleKind, evaluate
from portal.orders.judging.remaining import Left, Remaining, compute_remaining, make_cart, nothing_left
from portal.orders.judging.snapshot import Snapshot
from portal.orders.state import OrderInput, OrderStatus, RefundInput
from portal.platform.documents import MAX_POINTS
from portal.platform.problems import InvalidInput

FLAT_PER_ORDER = (RuleKind.ORDER, RuleKind.FIRST_ORDER)
MAX_BASIS = 10**15


class NoPoints(StrEnum):
    """Why an order as a whole earns nothing, whatever its lines and the rules."""

    NOT_PAID = "not_paid"
    NO_MEMBER = "no_member"
    TEST_ORDER = "test_order"
    CANCELLED = "cancelled"
    MEMBER_SUSPENDED = "member_suspended"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Target:
    """The grants by rule, what they rest on, what is left of the order, and why it earns nothing."""

    grants: tuple[Grant, ...]
    evaluation: Evaluation
    remaining: Remaining
    reason: Reason | NoPoints | None

    @property
    def points(self) -> int:
        """All points together."""
        return sum(grant.points for grant in self.grants)

    @property
    def basis(self) -> Fraction | None:
        """What counts of the order, in the programme's smallest unit; None if its currency was not converted."""
        return None if self.evaluation.basis is None else self.evaluation.basis.total


def compute_target(order: OrderInput, refunds: Sequence[RefundInput], snapshot: Snapshot) -> Target:
    """What an order in this state should have granted.

    :raises portal.platform.problems.InvalidInput: if that is more than an order can count for, or grant.
    """
    target = _compute_target(order, refunds, snapshot)
    if target.points > MAX_POINTS or (target.basis or 0) > MAX_BASIS:
        raise InvalidInput(("lines", f"must not count for more than {MAX_BASIS} or earn more than {MAX_POINTS} points"))
    return target


def _compute_target(order: OrderInput, refunds: Sequence[RefundInput], snapshot: Snapshot) -> Target:
    remaining = compute_remaining(order, refunds, order.placed_at)
    left = nothing_left(order) if order.status is OrderStatus.CANCELLED else remaining.lines
    whole = _evaluate(order, snapshot.rules, snapshot) if refunds else None
    now = _evaluate(order, snapshot.rules if whole is None else _met(snapshot.rules, whole), snapshot, left)
    if order.status is OrderStatus.CANCELLED:
        return Target((), now, remaining, NoPoints.CANCELLED)
    if not any(line.share for line in left.values()):
        return Target((), now, remaining, Reason.NOTHING_ELIGIBLE)
    if not snapshot.earns(order.status):
        return Target((), now, remaining, NoPoints.NOT_PAID)
    grants = {grant.rule.slug: grant for grant in now.grants}
    if whole is not None:
        grants |= {grant.rule.slug: grant for grant in whole.grants if _is_kept(grant.rule) and _has_lines(grant, now)}
    kept = tuple(grant for grant in (grants[slug] for slug in sorted(grants)) if grant.points)
    return Target(kept, now, remaining, None if kept else now.reason)


def _evaluate(
    order: OrderInput, rules: Sequence[Rule], snapshot: Snapshot, left: Mapping[str, Left] | None = None
) -> Evaluation:
    cart = make_cart(order, order.placed_at, left)
    return evaluate(cart, rules, snapshot.facts, snapshot.terms, snapshot.zone)


def _is_kept(rule: Rule) -> bool:
    """Whether a partial refund leaves its grant whole: as it says, by default what is paid once for an order."""
    default = "keep_until_zero" if rule.terms.kind in FLAT_PER_ORDER else "recompute"
    return (rule.terms.on_partial_refund or default) == "keep_until_zero"


def _met(rules: Sequence[Rule], whole: Evaluation) -> list[Rule]:
    """The rules, without the minimum of those that are kept and that the whole order has met."""
    return [
        replace(rule, terms=rule.terms.model_copy(update={"minimum_basis": 0}))
        if rule.terms.minimum_basis and rule.slug not in whole.lost and _is_kept(rule)
        else rule
        for rule in rules
    ]


def _has_lines(grant: Grant, now: Evaluation) -> bool:
    """Whether something is left of what the rule paid for."""
    return now.lost.get(grant.rule.slug) not in (Lost.NO_LINE, Lost.OTHER_RULE)
