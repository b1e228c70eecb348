"""Shapes of the orders' API."""

from typing import Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    Field,
    TypeAdapter,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from portal.earning import RuleTerms
from portal.ledger.web import LedgerEntry
from portal.orders.judging.preview import MAX_DAYS
from portal.orders.state import Currency, OrderInput, OrderStatus
from portal.platform.documents import Document
from portal.platform.problems import InvalidInput
from portal.platform.schemas import Answer, Page, Reference, Schema, Slug, Text, Ulid
from portal.referrals.web import Referral, TierUpgrade

_REFERENCE: TypeAdapter[str] = TypeAdapter(Reference)
MAX_ITEMS = 500
REFERENCE_WORDS = "must be 1 to 128 characters of A-Z a-z 0-9 . _ : @ # -"


def valid_reference(reference: str, field: str = "orderReference") -> str:
    """The reference in a path, checked; `field` is what the refusal calls it.

    :raises InvalidInput: if it does not have the form of a reference.
    """
    try:
        return _REFERENCE.validate_python(reference)
    except ValidationError as error:
        raise InvalidInput((field, REFERENCE_WORDS)) from error


class OrderQuery(Page):
    """Whose orders, and which page of them."""

    user_id: Text(64) | None = Field(None, description="Only for scope admin and operators; left out: everybody's.")  # type: ignore[valid-type]  # a call makes the type


class RulePreviewInput(Schema):
    """A draft of a rule, and how many days of orders to judge by it."""

    slug: Slug
    days: Annotated[int, Field(strict=True, ge=1, le=MAX_DAYS)] = MAX_DAYS
    rule: RuleTerms


class Amounts(Answer):
    """The points of these orders as they were judged, and by the draft."""

    then: int
    now: int


class Members(Answer):
    """How many members would have got more, and less."""

    better: int
    worse: int


class RulePreview(Answer):
    """What the draft would have changed. `orders` is how many were judged, the newest 10,000 at most."""

    orders: int
    points: Amounts
    members: Members


class ReleaseInput(Schema):
    """Why an operator changes something about an order."""

    reason: Text(200)  # type: ignore[valid-type]  # a call makes the type


class ClaimInput(ReleaseInput):
    """Whose an order is, and why that is known."""

    user_id: Text(64)  # type: ignore[valid-type]  # a call makes the type


class OrderPoints(Answer):
    """What the order has granted ever, what of that waits, is active, was taken back, is owed and was restored."""

    granted: int
    pending: int
    active: int
    reversed: int
    owed: int
    restored: int


class OrderGrant(Answer):
    """What a rule pays for it; `basis` is in the smallest unit of the programme's currency."""

    rule: str
    rule_version: int
    kind: str
    basis: int
    points: int
    pending_until: AwareDatetime | None
    sentence: str


class OrderNote(Answer):
    """Why it earns nothing, or what to know about it."""

    code: str
    sentence: str


class OrderRefund(Answer):
    """A refund, how much of it the order could give back, and the points that it took."""

    refund_id: str
    refunded_at: AwareDatetime
    applied: int
    unapplied: int
    points: int


class Order(Answer):
    """An order. `total` is in its own currency, `basis` in the programme's; null: it was not converted."""

    order_reference: str
    user_id: str | None
    status: OrderStatus
    currency: Currency
    placed_at: AwareDatetime
    updated_at: AwareDatetime | None
    total: int
    basis: int | None
    points: OrderPoints
    grants: list[OrderGrant]
    reasons: list[OrderNote]
    refunds: list[OrderRefund]
    warnings: list[OrderNote]


class OrderAnswer(Answer):
    """The order, and what this call has done. `ignored` says why it did nothing: `stale`, or null."""

    order: Order
    entries: list[LedgerEntry]
    tier_upgrade: TierUpgrade | None
    referral: Referral | None
    ignored: str | None


class Takes(Answer):
    """The points that a refund takes, by where they come from; what is owed or written off is not taken."""

    pending: int
    expired: int
    own: int
    others: int
    owed: int
    written_off: int


class Restore(Answer):
    """Points of a redemption that come back, and until when they live."""

    redemption_id: Ulid
    points: int
    expires_at: AwareDatetime | None


class TierMove(Answer):
    """The member's tier now, and once the day has ended; null: none."""

    before: str | None
    after: str | None


class RefundQuote(Answer):
    """What a refund would do. A refund that names `quoteId` until `expiresAt` does exactly this, or nothing."""

    quote_id: str
    expires_at: AwareDatetime
    takes: Takes
    restores: list[Restore]
    tier: TierMove
    referral: Referral | None
    sentences: list[str]


class Unmatched(Answer):
    """The refund waits for its order, which is not known yet."""

    status: Literal["unmatched"]


class OrderPage(Answer):
    """A page of orders, newest first."""

    orders: list[Order]
    next_cursor: str | None


class Quote(Answer):
    """What a cart would earn, paid now; `pendingUntil` is when the last of it becomes active, null: at once."""

    points: int
    basis: int | None
    grants: list[OrderGrant]
    reasons: list[OrderNote]
    pending_until: AwareDatetime | None
    tier_after: str | None


class OrderItem(OrderInput):
    """An order of a batch, with its reference."""

    order_reference: Reference

    def order(self) -> OrderInput:
        """The order alone."""
        return OrderInput.model_construct(**{name: value for name, value in self if name != "order_reference"})


def _or_refusal(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    """The order of a row, or why it cannot be accepted: a row is refused without the others."""
    try:
        return read(value)
    except ValidationError as error:
        return error


class OrderBatchInput(Schema):
    """Orders, each as if it were sent alone. `history`: orders of the past, which send no message."""

    items: Annotated[list[Annotated[OrderItem, WrapValidator(_or_refusal)]], Field(min_length=1, max_length=MAX_ITEMS)]
    mode: Literal["live", "history"] = "live"


class OrderResult(Answer):
    """What became of a row: the HTTP status and the body that it would have got alone."""

    status: int
    body: OrderAnswer | Document


class OrderResults(Answer):
    """What became of each row, in their order."""

    results: list[OrderResult]
