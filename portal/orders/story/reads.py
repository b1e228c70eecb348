"""What operators read of an order beside what the API shows: each part by one statement and an index."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text

from portal.orders.problems import OrderNotFound
from portal.platform.db.reads import read_all, read_one
from portal.platform.documents import Document

MAX_STATES = 20
MAX_ENTRIES = 50
MAX_ACTS = 50

_HEAD = text("""
    SELECT o.reference, u.id AS user_id, u.name, m.status AS member_status, o.email_hash IS NOT NULL AS awaited, o.test,
           o.history, o.received_at, o.paid_at, o.fulfilled_at, o.released_at, o.change, o.content, o.refunds,
           o.snapshot, o.reasons,
           (SELECT json_agg(json_build_array(w.points, w.activates_at) ORDER BY w.activates_at)
            FROM (SELECT p.activates_at, sum(p.points)::bigint AS points FROM loyalty_pending_credits p
                  WHERE p.source = 'order' AND p.external_id = o.reference AND p.member_id = o.member_id
                    AND p.activated_at IS NULL AND p.points > 0
                  GROUP BY p.activates_at) w) AS pending
    FROM loyalty_orders o
    LEFT JOIN loyalty_members m ON m.id = o.member_id LEFT JOIN users u ON u.id = m.user_id
    WHERE o.reference = :reference
""")
_STATES = text("""
    SELECT s.change, s.cause, s.at, s.actor, m.user_id, s.content, s.refunds, s.grants
    FROM loyalty_order_states s LEFT JOIN loyalty_members m ON m.id = s.member_id
    WHERE s.reference = :reference ORDER BY s.change DESC LIMIT :most
""")
_ACTS = text("""
    SELECT at, actor, action, reason, after FROM audit_log
    WHERE object_type = 'order' AND object_id = :reference ORDER BY id DESC LIMIT :most
""")
# Members who had it before have entries of it, too.
_ENTRIES = text("""
    SELECT e.id, m.user_id, e.occurred_at, e.entry_type, e.amount, e.metadata
    FROM loyalty_ledger_entries e JOIN loyalty_members m ON m.id = e.member_id
    WHERE e.member_id = ANY(ARRAY(SELECT member_id FROM loyalty_orders WHERE reference = :reference
                                  UNION SELECT member_id FROM loyalty_order_states WHERE reference = :reference))
      AND e.source = 'order' AND e.external_id = :reference
    ORDER BY e.occurred_at DESC, e.member_id, e.seq DESC LIMIT :most
""")


class HeadRow(NamedTuple):
    """An order, whose it is, and what it was judged by.

    `awaited`: it waits for the holder of an address. `pending` are points with their date, `[points, when]`.
    """

    reference: str
    user_id: str | None
    name: str | None
    member_status: str | None
    awaited: bool
    test: bool
    history: bool
    received_at: datetime
    paid_at: datetime | None
    fulfilled_at: datetime | None
    released_at: datetime | None
    change: int
    content: Document
    refunds: Sequence[Document]
    snapshot: Document | None
    reasons: Sequence[str]
    pending: Sequence[Any] | None


class StateRow(NamedTuple):
    """A state of an order as it was received, whose it was then, and what it should have granted: facts by rule."""

    change: int
    cause: str
    at: datetime
    actor: str
    user_id: str | None
    content: Document
    refunds: Sequence[Document]
    grants: Document


class ActRow(NamedTuple):
    """What an operator did with an order."""

    at: datetime
    actor: str
    action: str
    reason: str
    after: Document | None


class EntryRow(NamedTuple):
    """A ledger entry of an order, and whose."""

    id: UUID
    user_id: str
    occurred_at: datetime
    entry_type: str
    amount: int
    metadata: Document


class Waiting(NamedTuple):
    """Points that become active at this time."""

    points: int
    activates_at: datetime


def get_head(reference: str) -> HeadRow:
    """The order, and whose it is.

    :raises OrderNotFound: if there is no such order.
    """
    row = read_one(_HEAD, {"reference": reference}, HeadRow)
    if row is None:
        raise OrderNotFound
    return row


def list_waiting(head: HeadRow) -> list[Waiting]:
    """What of the order waits, by date."""
    return [Waiting(points, datetime.fromisoformat(at)) for points, at in head.pending or ()]


def list_states(reference: str) -> list[StateRow]:
    """The latest states, newest first; one more than are told, to compare the last of them with."""
    return read_all(_STATES, {"reference": reference, "most": MAX_STATES + 1}, StateRow)


def list_acts(reference: str) -> list[ActRow]:
    """What operators did with the order, latest first."""
    return read_all(_ACTS, {"reference": reference, "most": MAX_ACTS}, ActRow)


def list_entries(reference: str) -> list[EntryRow]:
    """The latest ledger entries of the order, of all members who had it."""
    return read_all(_ENTRIES, {"reference": reference, "most": MAX_ENTRIES}, EntryRow)
