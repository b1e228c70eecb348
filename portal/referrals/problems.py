"""Why an invite, its cancellation or its completion is refused."""

import math
from uuid import UUID

from portal.platform import ids
from portal.platform.formatting import grouped
from portal.platform.problems import Conflict, DomainError, InvalidInput, NotFound, WrongState


class ReferralNotFound(NotFound):
    """No such invite or code, or not the caller's."""

    code = "referral_not_found"
    title = "No such referral"


class QuotaExceeded(DomainError):
    """The member has the maximum number of invites (CONTRACT rule 11); the response contains `max` and `active`.

    Open ones count, and cancelled ones for 24 hours after they were sent.
    """

    code = "invite_quota_exceeded"
    status = 429
    title = "Too many open invites"

    def __init__(self, most: int, active: int) -> None:
        super().__init__(
            f"{grouped(active)} of {grouped(most)} invites are open, or were sent in the last 24 hours.",
            extra={"max": most, "active": active},
        )


class _ComeBackLater(DomainError):
    """A limit that ends by itself; `Retry-After` says in how many seconds."""

    status = 429

    def __init__(self, detail: str, seconds: float) -> None:
        super().__init__(detail, headers={"Retry-After": str(max(1, math.ceil(seconds)))})


class Cooldown(_ComeBackLater):
    """The member invited someone a moment ago; `Retry-After` says when they can send the next invite."""

    code = "invite_cooldown"
    title = "Another invite was made a moment ago"

    def __init__(self, seconds: float) -> None:
        super().__init__(f"Try again in {max(1, math.ceil(seconds))} seconds.", seconds)


class RecipientLimit(_ComeBackLater):
    """The address or number was sent the maximum of invites per recipient, or one by this member already."""

    code = "recipient_limit"
    title = "This person was invited already"

    def __init__(self, seconds: float) -> None:
        super().__init__("They were sent an invite not long ago.", seconds)


class DailyCap(_ComeBackLater):
    """The programme has sent its maximum of invites in 24 hours."""

    code = "invite_daily_cap"
    title = "No more invites are sent today"

    def __init__(self, seconds: float) -> None:
        super().__init__("The programme has sent as many invites as it may in 24 hours.", seconds)


class SenderNamesSite(InvalidInput):
    """The inviting member's own name, which the message would carry, reads like the address of a site."""

    def __init__(self) -> None:
        super().__init__(("name", "the member's name must not name a web address"))


class SelfReferral(DomainError):
    """Both sides are one person, by account or by normalised address (CONTRACT rule 10)."""

    code = "self_referral"
    status = 422
    title = "Nobody can refer themselves"


class AddressUnverified(DomainError):
    """The inviter has not confirmed their address (CONTRACT-SHOP 9.1)."""

    code = "address_unverified"
    status = 403
    title = "The member has not confirmed their address"


class RefereeUnverified(Conflict):
    """The friend has not confirmed their address; once they have, the referral can be completed."""

    code = "referee_unverified"
    title = "The friend has not confirmed their address"


class NotCancellable(WrongState):
    """The invite has been converted or has expired; the response contains its `currentStatus`."""

    code = "referral_not_cancellable"
    title = "This referral can no longer be cancelled"


class _TakenBy(Conflict):
    """Another referral prevents this; the response contains its `referralId` and the completing `orderReference`."""

    def __init__(self, referral_id: UUID, order_reference: str | None, *, detail: str = "", code: str = "") -> None:
        named = {"referralId": ids.encode(referral_id), "orderReference": order_reference}
        super().__init__(detail, extra={**named, "referralCode": code} if code else named)


class AlreadyConverted(_TakenBy):
    """The invite has already been converted."""

    code = "referral_already_converted"
    title = "This referral was completed before"


class NotConverted(WrongState):
    """The invite has no conversion that could be undone; the response contains its `currentStatus`."""

    code = "referral_not_converted"
    title = "This referral has brought nobody"


class AlreadyReversed(_TakenBy):
    """The conversion has been reversed: by hand, or because of its order."""

    code = "referral_already_reversed"
    title = "This referral was reversed before"


class ReferralExpired(Conflict):
    """The invite is past its date."""

    code = "referral_expired"
    title = "This referral has expired"


class ReferralCancelled(Conflict):
    """The invite was cancelled, or the inviter is suspended."""

    code = "referral_cancelled"
    title = "This referral was cancelled"


class AlreadyReferred(_TakenBy):
    """The referee has been converted before, or registered through another member's open invite.

    A conversion that was voided by hand counts for ever, one that was reversed because of its order does not. In the
    second case the response also contains that invite's `referralCode`.
    """

    code = "referee_already_referred"
    title = "This user was referred before"


class RefereeNotNew(Conflict):
    """The referee had ordered before the invite was made; for a personal code, at any time."""

    code = "referee_not_new"
    title = "This user is no new customer"


class ReferralCircle(Conflict):
    """The referee has referred the inviter, directly or through others."""

    code = "referral_circle"
    title = "Members cannot bring each other in a circle"


class DailyLimit(Conflict):
    """The member has the maximum of conversions in 24 hours for one by registration alone; an order still converts."""

    code = "referral_daily_limit"
    title = "No more friends can be completed by registering today"

    def __init__(self, most: int) -> None:
        super().__init__(extra={"max": most})


class OrderTooSmall(DomainError):
    """The order is below the programme's minimum; the response contains `minimum`."""

    code = "order_below_minimum"
    status = 422
    title = "The order is too small to complete a referral"

    def __init__(self, minimum: int) -> None:
        super().__init__(f"orderAmount must be at least {minimum}.", extra={"minimum": minimum})
