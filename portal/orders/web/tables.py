"""Orders as the consoles list them: all of them, and those of one member."""

from dataclasses import replace
from typing import Any

from portal.accounts.web import people_filter
from portal.earning import Reason
from portal.orders.judging.targets import NoPoints
from portal.orders.state import OrderStatus
from portal.platform.console.tables import Choices, Column, Filter, Table, choices_of, label_of
from portal.platform.formatting import format_money, reader_locale
from portal.platform.settings import current_settings

_SOURCE = """
    loyalty_orders o
    LEFT JOIN loyalty_members m ON m.id = o.member_id
    LEFT JOIN users u ON u.id = m.user_id
"""
_WAIT = "p.source = 'order' AND p.activated_at IS NULL AND p.points > 0"
_WARNED, _UNAPPLIED = "o.warnings <> '[]'", '[{"code": "refund_exceeds_order"}]'
# Each is a condition of its own, so that its partial index serves it. What waits is little beside all orders.
_STATES = {
    "unclaimed": "o.member_id IS NULL",
    "pending": f"o.reference = ANY(ARRAY(SELECT p.external_id FROM loyalty_pending_credits p WHERE {_WAIT}))",
    "warnings": _WARNED,
    "unapplied": f"{_WARNED} AND o.warnings @> '{_UNAPPLIED}'",
    "nothing": "o.reasons <> '{}'",
}
_PENDING = f"""(
    SELECT sum(p.points)::bigint FROM loyalty_pending_credits p
    WHERE {_WAIT} AND p.external_id = o.reference AND p.member_id = o.member_id)"""
_STATE_CHOICES: Choices = (
    ("unclaimed", "Nobody's yet"),
    ("pending", "Points pending"),
    ("warnings", "With warnings"),
    ("unapplied", "Refunded more than it cost"),
    ("nothing", "Earned nothing"),
)


def _total(row: Any) -> str:
    return format_money(row.amount, row.currency, reader_locale())


def _basis(row: Any) -> str | None:
    if row.basis_amount is None:
        return None
    return format_money(row.basis_amount, current_settings().programme_currency, reader_locale())


def _what(row: Any) -> str:
    if row.what:
        return "1 line" if row.what == 1 else f"{row.what} lines"
    return "An amount"


def _why(row: Any) -> str | None:
    return label_of(row.reason) if row.reason else None


_REFERENCE = Filter(
    # The pattern's order is by bytes: references are ASCII, and end before a tilde.
    "reference",
    "Order",
    "o.reference ~>=~ :reference AND o.reference ~<~ (CAST(:reference AS text) || '~')",
    hint="How its reference begins",
)
# A rare choice is looked up, a frequent one met along the order: so each is planned as itself.
_STATUS = Filter("status", "Status", lambda choice: f"o.status = '{choice}'", choices_of(OrderStatus))
_STATE = Filter("state", "Show", lambda choice: _STATES[choice], _STATE_CHOICES)
_REASON = Filter(
    "reason",
    "Earned nothing as",
    lambda choice: f"o.reasons = ARRAY['{choice}']",
    choices_of([*NoPoints, *Reason]),
)

ORDERS = Table(
    name="orders",
    source=_SOURCE,
    key="o.reference",
    key_type="text",
    order="-placed_at",
    columns=(
        Column("reference", "Order", "o.reference", "order"),
        Column("user_id", "Member", "u.id", "member"),
        Column("name", "Name", "u.name", shown=False),
        Column("placed_at", "Placed", "o.placed_at", "moment", sorts="timestamptz"),
        Column("status", "Status", "o.status", "status"),
        Column("total", "Total", "o.total", "figure", sorts="bigint", exported=False, made=_total),
        Column("amount", "Total", "o.total", shown=False),
        Column("currency", "Currency", "o.currency", shown=False),
        Column("basis", "Counts", "o.basis", "figure", exported=False, made=_basis),
        Column("basis_amount", "Counts", "o.basis", shown=False),
        Column("points", "Points", "o.granted - o.reversed", "points"),
        Column("pending", "Pending", _PENDING, "points"),
        Column("why", "Why nothing", "''", made=_why),
        Column("reason", "Reason", "o.reasons[1]", shown=False),
        Column("warnings", "Warnings", "jsonb_array_length(o.warnings)", shown=False),
    ),
    filters=(_REFERENCE, people_filter("member", "Member", "u.id"), _STATUS, _STATE, _REASON),
)
LATE_DAYS = 30
UNMATCHED = Table(
    name="unmatched-refunds",
    source="loyalty_unmatched_refunds r",
    key="r.reference || ' ' || r.refund_id",
    key_type="text",
    order="received_at",
    columns=(
        Column("reference", "Order", "r.reference"),
        Column("refund_id", "Refund", "r.refund_id"),
        Column("received_at", "Told", "r.received_at", "moment", sorts="timestamptz"),
        Column("refunded_at", "Refunded", "(r.content ->> 'refundedAt')::timestamptz", "moment"),
        Column("what", "What", "coalesce(jsonb_array_length(r.content -> 'lines'), 0)", made=_what),
    ),
    filters=(
        Filter("reference", "Order", "starts_with(r.reference, :reference)", hint="How its reference begins"),
        Filter(
            "waiting",
            "Waiting",
            f":waiting = 'late' AND r.received_at < now() - interval '{LATE_DAYS} days'",
            (("late", f"More than {LATE_DAYS} days"),),
        ),
    ),
)
MEMBER_ORDERS = replace(
    ORDERS,
    name="member-orders",
    where="o.member_id = CAST(:member_id AS uuid)",
    columns=tuple(column for column in ORDERS.columns if column.key not in ("user_id", "name")),
    filters=(_STATUS, replace(_STATE, choices=_STATE_CHOICES[1:]), _REASON),
)
