"""Shapes of the ledger's API."""

from typing import Annotated

from pydantic import AwareDatetime, Field, field_validator

from portal.ledger.labels import describe_types
from portal.ledger.models import EntryType
from portal.ledger.reversing import Shortfall
from portal.platform.documents import MAX_POINTS, Document
from portal.platform.schemas import Answer, Metadata, Moment, Page, Points, Schema, Text, Ulid


class LedgerQuery(Page):
    """Which entries, and which page of them."""

    types: list[EntryType] = Field(default_factory=list, description="Alternatives; none: every type.")


class AdjustmentInput(Schema):
    """A correction by hand; the member reads the `reason`, and never the `note`.

    Without `expiresAt` the programme's rule applies; null: the points never expire.
    """

    points: Annotated[int, Field(strict=True, ge=-MAX_POINTS, le=MAX_POINTS)]
    reason: Text(200)  # type: ignore[valid-type]  # a call makes the type
    note: Text(500) | None = None  # type: ignore[valid-type]  # a call makes the type
    counts_towards_tiers: Annotated[bool, Field(strict=True)] = True
    expires_at: Moment | None = None
    metadata: Metadata

    @field_validator("points")
    @classmethod
    def _not_zero(cls, value: int) -> int:
        if value == 0:
            raise ValueError("must not be 0")
        return value


class ReversalInput(Schema):
    """How many points of a credit are taken back (left out: all that is left of it), and why, which the member reads.

    `shortfall` is what becomes of points that they do not have any more (left out: as `REFUND_SHORTFALL` says).
    """

    points: Points | None = None
    reason: Text(200)  # type: ignore[valid-type]  # a call makes the type
    shortfall: Shortfall | None = Field(
        None, description="`owe`; `available`: the rest is written off; `order_only`: nothing but its own lot is taken."
    )


class LedgerEntry(Answer):
    """One point change."""

    id: Ulid
    occurred_at: AwareDatetime
    entry_type: EntryType = Field(description=describe_types())
    amount: int
    balance_after: int
    description: str
    metadata: Document


class AppliedRule(Answer):
    """The version of the earning rule that granted the points."""

    slug: str
    version: int
    name: str


class ExcludedAmount(Answer):
    """A part of the order that earned nothing."""

    what: str
    amount: int


class EarningBasis(Answer):
    """What the points were computed from, in the currency's smallest unit."""

    amount: int
    currency: str
    excluded: list[ExcludedAmount]


class ConcernedLot(Answer):
    """Points that a credit opened, or that a debit took from what an earlier credit opened, or a restore gave back."""

    opened_by: str = Field(description="What brought the points, in words.")
    points: int
    expires_at: AwareDatetime | None


class LedgerExplanation(Answer):
    """Why an entry is what it is. The sentence is in the reader's language; null: it rests on no such fact."""

    sentence: str
    rule: AppliedRule | None
    basis: EarningBasis | None
    multiplier: str | None = Field(description="The factor of tier and campaigns together, such as `1.5`.")
    cap: str | None = Field(description="The limit that has cut the points: `order`, `member` or `programme`.")
    lots: list[ConcernedLot] = Field(description="In the order in which they expire.")
    order: str | None = Field(description="The order's reference.")


class ExplainedEntry(LedgerEntry):
    """One point change, and why it is what it is."""

    explanation: LedgerExplanation


class LedgerPage(Answer):
    """A page of a member's ledger, newest first."""

    entries: list[LedgerEntry]
    next_cursor: str | None
