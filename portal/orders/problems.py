"""Refusals of orders."""

from portal.platform.documents import Document
from portal.platform.problems import Conflict, NotFound


class OrderNotFound(NotFound):
    """There is no such order, or it is another member's."""

    code = "order_not_found"
    title = "No such order"


class RefundNotFound(NotFound):
    """The order has no such refund."""

    code = "refund_not_found"
    title = "No such refund"


class RefundConflict(Conflict):
    """Another refund of the order has this id already."""

    code = "refund_conflict"
    title = "A different refund has this refundId"


class QuoteStale(Conflict):
    """The refund would not do what its quote said; the response contains the new `quote`."""

    code = "quote_stale"
    title = "This refund would do something else by now"

    def __init__(self, quote: Document) -> None:
        super().__init__(extra={"quote": quote})


class NothingPending(Conflict):
    """Nothing of the order waits for a date.

    What waits for its suspended member to be active again cannot be released.
    """

    code = "nothing_pending"
    title = "No points of this order are pending"


class OrderClaimed(Conflict):
    """The order belongs to a member already."""

    code = "order_claimed"
    title = "This order belongs to a member already"
