"""Shapes of the referrals' API."""

from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, model_validator

from portal.accounts import USER_ID_PATTERN
from portal.accounts.web import Email, Phone
from portal.ledger import EntryType
from portal.ledger.web import LedgerEntry
from portal.platform.schemas import Answer, Metadata, Page, Schema, Text, Ulid, no_nul
from portal.referrals.invites import Invitation
from portal.referrals.models import Channel, InviteStatus
from portal.referrals.outgoing import clean_name, clean_words
from portal.referrals.segments import Segment

FriendName = Annotated[str, BeforeValidator(no_nul), Field(min_length=1, max_length=120), AfterValidator(clean_name)]
Words = Annotated[str, BeforeValidator(no_nul), Field(min_length=1, max_length=500), AfterValidator(clean_words)]


class ReferralQuery(Page):
    """Which page of the invites."""


class ReferralInput(Schema):
    """Whom to invite. `email` needs `inviteeEmail`, `sms` needs `inviteePhone` (E.164); a link needs neither.

    Texts go to mobile numbers of the countries of `INVITE_SMS_COUNTRIES` alone. Name and message travel without
    characters that cannot be seen, and must not name a web address.
    """

    channel: Channel
    invitee_email: Email | None = None
    invitee_name: FriendName | None = None
    invitee_phone: Phone | None = None
    message: Words | None = None

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.channel is Channel.EMAIL and self.invitee_email is None:
            raise ValueError("the channel email needs inviteeEmail")
        if self.channel is Channel.SMS and self.invitee_phone is None:
            raise ValueError("the channel sms needs inviteePhone")
        return self

    def invitation(self) -> Invitation:
        """The invitation that this asks for."""
        return Invitation(self.channel, self.invitee_email, self.invitee_name, self.invitee_phone, self.message)


class AdminReferralInput(ReferralInput):
    """An invite on a member's behalf, with the writer's own metadata for the messages that follow."""

    metadata: Metadata

    def invitation(self) -> Invitation:
        """The invitation that this asks for."""
        return Invitation(
            self.channel, self.invitee_email, self.invitee_name, self.invitee_phone, self.message, self.metadata
        )


class CompletionInput(Schema):
    """A friend who has joined by a code: an invite's, or a member's personal one, in any spelling."""

    code: Text(64)  # type: ignore[valid-type]  # a type made by a call
    referee_user_id: Annotated[str, Field(pattern=USER_ID_PATTERN)]
    order_reference: Text(100) | None = None  # type: ignore[valid-type]  # a type made by a call
    order_amount: Annotated[int, Field(strict=True, ge=0, le=10**12)] | None = Field(
        None, description="In the currency's smallest unit; needed when the programme asks for a minimum order."
    )


class VoidInput(Schema):
    """Why a conversion is undone; it is kept in the audit log."""

    reason: Text(200)  # type: ignore[valid-type]  # a type made by a call


class Referral(Answer):
    """An invite and how it fared. `rewardPoints` is what its conversion brings, or brought, who invited."""

    id: Ulid
    code: str
    status: InviteStatus
    channel: Channel
    invitee_email: str | None
    invitee_name: str | None
    share_url: str
    created_at: AwareDatetime
    sent_at: AwareDatetime | None
    expires_at: AwareDatetime
    converted_at: AwareDatetime | None
    cancelled_at: AwareDatetime | None
    reward_points: int
    not_sent_reason: str | None = Field(
        None, description="Only on drafts that were kept back; `suppressed`: the address asked for no invites."
    )


class InviteQuota(Answer):
    """How many invites may be open, and when the next can be made."""

    max: int
    active: int
    remaining: int
    cooldown_seconds: int
    next_invite_at: AwareDatetime | None


class ReferralPage(Answer):
    """A page of a member's invites, newest first."""

    referrals: list[Referral]
    quota: InviteQuota
    next_cursor: str | None


class Conversion(Referral):
    """A converted invite."""

    credit_due_at: AwareDatetime | None = Field(None, description="Only while its points are pending.")


class InviteCounts(Answer):
    """A member's invites by status."""

    draft: int
    sent: int
    converted: int
    cancelled: int
    expired: int
    reversed: int = Field(description="Conversions that were taken back.")
    total: int


class PendingCredit(Answer):
    """Points of a completed referral that a holding period keeps back."""

    entry_type: EntryType
    points: int
    due_at: AwareDatetime


class ConversionPage(Answer):
    """How a member's invites have done. `conversionRate` is converted / total, 0 to 1, four decimals."""

    invites: InviteCounts
    conversion_rate: float
    points_earned: int
    last_activity_at: AwareDatetime | None
    pending_credits: list[PendingCredit] = Field(default_factory=list, description="Only when there are any.")
    conversions: list[Conversion]
    next_cursor: str | None


class SegmentFigures(Answer):
    """One segment; velocities per member and week."""

    segment: Segment
    members: int
    share: float
    invite_velocity: float
    conversion_velocity: float
    average_days_since_activity: float | None


class SegmentReport(Answer):
    """All segments, what they mean, and the caller's own."""

    as_of: AwareDatetime
    segments: list[SegmentFigures]
    definitions: dict[str, str]
    my_segment: Segment | None


class VoidedReferral(Answer):
    """A voided referral, and the entries that took its points back: none for points that were pending."""

    referral: Referral
    ledger_entries: list[LedgerEntry]


class TierUpgrade(Answer):
    """A rise from one tier (null: none) to another."""

    from_: str | None = Field(alias="from")
    to: str


class CompletedReferral(Answer):
    """A completed referral: no ledger entries yet while its credit is pending."""

    referral: Referral
    ledger_entries: list[LedgerEntry]
    tier_upgrade: TierUpgrade | None
