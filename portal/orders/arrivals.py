"""What an order has brought its member, or would bring whoever confirms its address, for the page after a checkout."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.orders.judging.quotes import quote_cart
from portal.orders.rules import OrderRules
from portal.orders.state import OrderInput
from portal.platform.db.reads import read_one
from portal.platform.documents import Document

_ORDER = text("""
    SELECT o.member_id, m.user_id, o.status, o.test, o.content, o.granted - o.reversed AS points, o.reasons,
           o.email_hash IS NOT NULL AND o.received_at > :waits_since AS waits,
           p.points AS pending, p.activates_at
    FROM loyalty_orders o LEFT JOIN loyalty_members m ON m.id = o.member_id
    LEFT JOIN LATERAL (
        SELECT sum(points)::bigint AS points, min(activates_at) AS activates_at FROM loyalty_pending_credits
        WHERE member_id = o.member_id AND source = 'order' AND external_id = o.reference AND activated_at IS NULL
          AND points > 0) p ON true
    WHERE o.reference = :reference
""")


class _Row(NamedTuple):
    """An order, and what of its points waits; `waits`: it is nobody's, and can still be claimed."""

    member_id: UUID | None
    user_id: str | None
    status: str
    test: bool
    content: Document
    points: int
    reasons: list[str]
    waits: bool
    pending: int | None
    activates_at: datetime | None


@dataclass(frozen=True, slots=True)
class Arrival:
    """The points of an order: its member's, of which `pending` become active from `activates_at` on; or, if it `waits`
    for its owner, what it would bring them. `reason` says why it brings nothing (yet)."""

    points: int
    pending: int = 0
    activates_at: datetime | None = None
    waits: bool = False
    reason: str | None = None


def read_arrival(
    session: Session, reference: str, user_id: str | None, rules: OrderRules, now: datetime
) -> Arrival | None:
    """What an order brings this user (None: somebody who is not signed in).

    None: the shop has not told of the order yet, it is somebody else's, or nobody can claim it any more.
    """
    row = read_one(_ORDER, {"reference": reference, "waits_since": now - rules.claim}, _Row)
    if row is None or row.test:
        return None
    if row.member_id is not None:
        mine = user_id is not None and row.user_id == user_id
        reason = row.reasons[0] if row.reasons else None
        return Arrival(row.points, row.pending or 0, row.activates_at, reason=reason) if mine else None
    if not row.waits or row.status == "cancelled":
        return None
    quote = quote_cart(session, OrderInput.model_validate(row.content), None, rules, now)
    return Arrival(quote.target.points, waits=True) if quote.target.points else None
