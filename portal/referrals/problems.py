"""Why an invite, its cancellation or its completion is refused."""

import math

from portal.core.problems import Conflict, DomainError, NotFound


class ReferralNotFound(NotFound):
    """No such invite or code, or not the caller's."""

    code = "referral_not_found"
    title = "No such referral"


class QuotaExceeded(DomainError):
    """As many invites are open as a member may have (CONTRACT rule 11); the answer says `max` and `active`."""

    code = "invite_quota_exceeded"
    status = 429
    title = "Too many open invites"

    def __init__(self, most: int, active: int) -> None:
        super().__init__(
            f"{active} of {most} invites are open. Cancel one, or wait for a friend to join.",
            extra={"max": most, "active": active},
        )


class Cooldown(DomainError):
    """The member invited someone a moment ago; `Retry-After` says when the next invite can go out."""

    code = "invite_cooldown"
    status = 429
    title = "Another invite was made a moment ago"

    def __init__(self, seconds: float) -> None:
        wait = max(1, math.ceil(seconds))
        super().__init__(f"Try again in {wait} seconds.", headers={"Retry-After": str(wait)})


class SelfReferral(DomainError):
    """Both sides are one person, by account or by normalised address (CONTRACT rule 10)."""

    code = "self_referral"
    status = 422
    title = "Nobody can refer themselves"


class AddressUnverified(DomainError):
    """Who invites must have shown that their address is theirs (CONTRACT-SHOP 9.1)."""

    code = "address_unverified"
    status = 403
    title = "The member has not confirmed their address"


class RefereeUnverified(Conflict):
    """The friend has not confirmed their address; once they have, the referral can be completed."""

    code = "referee_unverified"
    title = "The friend has not confirmed their address"


class NotCancellable(Conflict):
    """The invite has been converted or has expired; the answer says its `status`."""

    code = "referral_not_cancellable"
    title = "This referral can no longer be cancelled"

    def __init__(self, status: str) -> None:
        super().__init__(f"It is {status} already.", extra={"status": status})


class AlreadyConverted(Conflict):
    """The invite brought someone before."""

    code = "referral_already_converted"
    title = "This referral was completed before"


class ReferralExpired(Conflict):
    """The invite is past its date."""

    code = "referral_expired"
    title = "This referral has expired"


class ReferralCancelled(Conflict):
    """The invite was taken back."""

    code = "referral_cancelled"
    title = "This referral was cancelled"


class AlreadyReferred(Conflict):
    """The referee has been converted before, or registered through another member's open invite.

    In the second case the answer says that invite's `referralCode`.
    """

    code = "referee_already_referred"
    title = "This user was referred before"


class OrderTooSmall(DomainError):
    """The order is below the programme's minimum; the answer says `minimum`."""

    code = "order_below_minimum"
    status = 422
    title = "The order is too small to complete a referral"

    def __init__(self, minimum: int) -> None:
        super().__init__(f"orderAmount must be at least {minimum}.", extra={"minimum": minimum})
