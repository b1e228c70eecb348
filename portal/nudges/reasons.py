"""Why a nudge was sent, put off, or not sent: declared once (CONTRACT rule 19)."""

from enum import StrEnum


class Reason(StrEnum):
    """What a dispatch event gives as its reason."""

    SENDING = "sending"
    DUE = "due"
    NO_CONSENT = "no_consent"
    KIND_MUTED = "kind_muted"
    NO_CHANNEL = "no_channel"
    NO_SUCH_USER = "no_such_user"
    MEMBER_SUSPENDED = "member_suspended"
    CAMPAIGN_CAP = "campaign_cap"
    DAILY_CAP = "daily_cap"
    QUIET_HOURS = "quiet_hours"
    CAUSE_GONE = "cause_gone"
    SUPERSEDED = "superseded"
    CAMPAIGN_INACTIVE = "campaign_inactive"
    EXPIRED = "expired"
    ANSWERED = "answered"
    PROVIDER_UNAVAILABLE = "provider_unavailable"
    PROVIDER_REFUSED = "provider_refused"
    WORKER_LOST = "worker_lost"
    OUTCOME_UNKNOWN = "outcome_unknown"


# The reasons that `notifications.refusal` gives, as reasons of a dispatch.
REFUSALS = {
    "marketing_off": Reason.NO_CONSENT,
    "address_unverified": Reason.NO_CONSENT,
    "kind_muted": Reason.KIND_MUTED,
}
