"""Shapes of the ledger's API."""

from typing import Annotated

from pydantic import AwareDatetime, Field, field_validator

from portal.ledger.labels import describe_types
from portal.ledger.models import EntryType
from portal.platform.documents import MAX_POINTS, Document
from portal.platform.schemas import Answer, Metadata, Moment, Page, Schema, Text, Ulid


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


class LedgerEntry(Answer):
    """One point change."""

    id: Ulid
    occurred_at: AwareDatetime
    entry_type: EntryType = Field(description=describe_types())
    amount: int
    balance_after: int
    description: str
    metadata: Document


class LedgerPage(Answer):
    """A page of a member's ledger, newest first."""

    entries: list[LedgerEntry]
    next_cursor: str | None
