"""Why a nudge was sent or not, for operators."""

from portal.nudges.reasons import Reason

REASONS: dict[str, str] = {
    Reason.SENDING: "It is being sent",
    Reason.DUE: "It was due",
    Reason.NO_CONSENT: "The member does not want marketing messages",
    Reason.KIND_MUTED: "The member has muted reminders",
    Reason.NO_CHANNEL: "No channel of the campaign that the member allows reaches them",
    Reason.NO_SUCH_USER: "There is no such user any more",
    Reason.MEMBER_SUSPENDED: "The membership is suspended",
    Reason.CAMPAIGN_CAP: "The campaign's cap for this member was reached",
    Reason.DAILY_CAP: "The programme's daily cap for this member was reached",
    Reason.QUIET_HOURS: "The member's quiet hours: it waits for their end",
    Reason.CAUSE_GONE: "What it was about is gone",
    Reason.SUPERSEDED: "Something further arose: another reminder took its place",
    Reason.CAMPAIGN_INACTIVE: "The campaign is switched off",
    Reason.EXPIRED: "Its time was over",
    Reason.ANSWERED: "The member had answered or dismissed it",
    Reason.PROVIDER_UNAVAILABLE: "The provider could not be reached; it is tried again",
    Reason.PROVIDER_REFUSED: "The provider refused it",
    Reason.WORKER_LOST: "The worker was lost while sending",
    Reason.OUTCOME_UNKNOWN: "The provider gave no clear answer",
}
