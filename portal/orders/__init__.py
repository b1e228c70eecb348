"""Orders: what shops say of them, and the points that follow."""

from portal.orders.owners import claim_orders
from portal.orders.rules import OrderRules
from portal.orders.state import OrderInput
from portal.orders.taking import put_order

__all__ = [
    "OrderInput",
    "OrderRules",
    "claim_orders",
    "put_order",
]
