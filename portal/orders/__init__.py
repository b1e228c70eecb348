"""Orders: what shops say of them, and the points that follow."""

from portal.orders.arrivals import Arrival, read_arrival
from portal.orders.commands.refunds import refund_order
from portal.orders.reads import get_rules_for, is_order
from portal.orders.rules import OrderRules
from portal.orders.sentences import tell_reason
from portal.orders.state import OrderInput, RefundInput
from portal.orders.taking import put_order

__all__ = [
    "Arrival",
    "OrderInput",
    "OrderRules",
    "RefundInput",
    "get_rules_for",
    "is_order",
    "put_order",
    "read_arrival",
    "refund_order",
    "tell_reason",
]
