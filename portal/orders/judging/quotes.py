"""What a cart would earn: the same function as the posting, judged as paid now, and nothing is written."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.earning import facts_of
from portal.orders.judging.snapshot import take_snapshot
from portal.orders.judging.targets import NoPoints, Target, compute_target
from portal.orders.rules import OrderRules
from portal.orders.state import CartInput, OrderInput, OrderStatus
from portal.platform import ids
from portal.platform.documents import Document

# No order has this reference: references have no spaces.
NO_REFERENCE = ""

_MEMBER = text("""
    SELECT m.status, (SELECT slug FROM loyalty_tiers WHERE active AND threshold <= m.lifetime_earned + :points
                      ORDER BY threshold DESC LIMIT 1) AS tier_after
    FROM (SELECT status, lifetime_earned FROM loyalty_members WHERE id = :member_id
          UNION ALL
          SELECT 'active', 0 WHERE :joins) m
""")


@dataclass(frozen=True, slots=True)
class Quote:
    """What the cart would earn, with the facts of each grant; what becomes active later, and the member's tier then."""

    target: Target
    facts: Document
    reasons: tuple[str, ...]
    pending_until: dict[str, datetime]
    tier_after: str | None


def quote_cart(session: Session, cart: CartInput, member_id: UUID | None, rules: OrderRules, now: datetime) -> Quote:
    """The points of this cart for a member, who may be new (`NO_ID`), or for nobody, as if it were paid now.

    For nobody, and for a suspended member, the reasons say why they are not to be had yet.

    :raises portal.platform.problems.InvalidInput: if it is more than an order can earn.
    """
    paid = {"placed_at": now, "paid_at": now, "status": OrderStatus.FULFILLED}
    order = OrderInput.model_construct(**{**dict(cart), **paid})
    snapshot = take_snapshot(session, NO_REFERENCE, member_id, now, rules, now, writes=False)
    target = compute_target(order, (), snapshot)
    dates = {OrderStatus.PLACED: now, OrderStatus.PAID: now}
    until = {grant.rule.slug: snapshot.activates_at(grant.rule, dates) for grant in target.grants}
    tier = snapshot.facts.tier_multiplier, snapshot.tier_name
    facts = {grant.rule.slug: facts_of(grant, target.evaluation, *tier) for grant in target.grants}
    reasons = [target.reason.value] if target.reason else []
    points = sum(grant.points for grant in target.grants if grant.rule.terms.qualifies.tier)
    values = {"member_id": member_id, "joins": member_id == ids.NO_ID, "points": points}
    member = session.execute(_MEMBER, values).one_or_none()
    if member is None or member.status == "suspended":
        reasons.append(NoPoints.NO_MEMBER if member is None else NoPoints.MEMBER_SUSPENDED)
    return Quote(
        target,
        facts,
        tuple(reasons),
        {slug: moment for slug, moment in until.items() if moment > now},
        None if member is None else member.tier_after,
    )
