"""Why an entry is not taken back by hand."""

from portal.platform.formatting import grouped
from portal.platform.problems import Conflict


class OrderEntry(Conflict):
    """The entry is an order's, which is refunded instead; the response contains its `orderReference`."""

    code = "order_entry"
    title = "This entry belongs to an order"

    def __init__(self, reference: str | None) -> None:
        super().__init__("Refund the order instead.", extra={"orderReference": reference})


class ReferralEntry(Conflict):
    """The entry is a referral's, which is voided instead, for both sides."""

    code = "referral_entry"
    title = "This entry belongs to a referral"

    def __init__(self) -> None:
        super().__init__("Void the referral instead, so that both sides are taken back.")


class NotReversible(Conflict):
    """The entry gave nothing that could be taken back: it took points, or gave back what another had taken."""

    code = "entry_not_reversible"
    title = "This entry cannot be taken back"

    def __init__(self) -> None:
        super().__init__("Only what gave a member points can be taken back.")


class AlreadyReversed(Conflict):
    """Less is left of the credit than is to be taken back; the response contains what is left as `remaining`."""

    code = "already_reversed"
    title = "This entry was taken back already"

    def __init__(self, remaining: int) -> None:
        left = f"Only {grouped(remaining)} of its points are" if remaining else "Nothing of it is"
        super().__init__(f"{left} left to take back.", extra={"remaining": remaining})
