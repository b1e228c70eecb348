"""What a shop says of an order: its whole state each time, strictly read (CONTRACT-EARNING 8.2)."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from typing import Annotated, Literal, Self

from babel.numbers import list_currencies
from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from portal.earning import LineKind, TenderKind
from portal.platform.documents import MAX_POINTS, Document
from portal.platform.schemas import Moment, Reference, Schema, Text, no_nul

MAX_LINES = 500
Code = Annotated[str, BeforeValidator(no_nul), Field(min_length=1, max_length=128)]
Money = Annotated[int, Field(strict=True, ge=0, le=MAX_POINTS)]
Units = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]


class OrderStatus(StrEnum):
    """How far an order has come; `CANCELLED` means that nothing remains."""

    PLACED = "placed"
    PAID = "paid"
    FULFILLED = "fulfilled"
    CANCELLED = "cancelled"


REACHED = {OrderStatus.PLACED: 1, OrderStatus.PAID: 2, OrderStatus.FULFILLED: 3, OrderStatus.CANCELLED: 0}
"""How far a status is on the way; an order earns from the programme's `EARN_STATUS` on."""


def _currency(value: str) -> str:
    if value not in list_currencies():
        raise ValueError("must be the ISO 4217 code of a currency")
    return value


def _rate(value: str) -> str:
    if Fraction(value) == 0:
        raise ValueError("must be greater than 0")
    return value


Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", max_length=3), AfterValidator(_currency)]
Rate = Annotated[str, Field(pattern=r"^[0-9]{1,9}(\.[0-9]{1,9})?$", max_length=19), AfterValidator(_rate)]


class OrderLine(Schema):
    """One line; `amount` is the whole line before its `discount`, `tax` what was charged after all discounts."""

    line_id: Reference
    kind: LineKind = LineKind.PRODUCT
    product_id: Code | None = None
    sku: Code | None = None
    categories: Annotated[list[Code], Field(max_length=50)] = Field(default_factory=list)
    quantity: Units = 1
    amount: Money
    discount: Money = 0
    tax: Money = 0

    @field_validator("discount")
    @classmethod
    def _no_more_than_it_costs(cls, discount: int, line: ValidationInfo) -> int:
        if discount > line.data.get("amount", discount):
            raise ValueError("must not be more than amount")
        return discount


class OrderTender(Schema):
    """A part of the payment; `redemptionId` names the redemption that points were paid with."""

    kind: TenderKind
    amount: Money
    redemption_id: Text(64) | None = None  # type: ignore[valid-type]  # a call makes the type


class RefundLine(Schema):
    """What of a line was given back: so many units, or an amount; neither means the rest of it."""

    line_id: Reference
    quantity: Units | None = None
    amount: Money | None = None


class RefundInput(Schema):
    """One refund. With lines, these decide; without, `amount` and `kind` do."""

    refund_id: Reference
    refunded_at: Moment | None = None
    lines: Annotated[list[RefundLine], Field(max_length=MAX_LINES)] = Field(default_factory=list)
    amount: Money | None = None
    kind: Literal["goodwill", "shipping", "fee", "discrepancy"] | None = None
    restore: Literal["auto", "none"] = "auto"
    reason: Text(200) | None = None  # type: ignore[valid-type]  # a call makes the type

    @model_validator(mode="after")
    def _says_what(self) -> Self:
        if not self.lines and self.amount is None:
            raise ValueError("needs lines or amount")
        return self


class RefundRequest(RefundInput):
    """A refund to be made; with `quoteId`, only if it does what that quote said."""

    quote_id: Text(500) | None = None  # type: ignore[valid-type]  # a call makes the type

    def refund(self) -> RefundInput:
        """The refund alone."""
        return RefundInput.model_construct(**{name: value for name, value in self if name != "quote_id"})


class StoredRefund(RefundInput):
    """A refund with when it was received, and the points that it took (None: it was not booked yet)."""

    received_at: Moment
    points: int | None = None

    def says(self, refund: RefundInput) -> bool:
        """Whether the shop says the same of it now."""
        return self.model_dump(exclude={"received_at", "points"}) == refund.model_dump()

    @property
    def is_new(self) -> bool:
        """Whether it was not booked yet."""
        return self.points is None

    @property
    def dated(self) -> datetime:
        """When it was made, as far as is known."""
        return self.refunded_at or self.received_at


def load_state(content: Document, refunds: Sequence[Document]) -> tuple["OrderInput", list[StoredRefund]]:
    """An order's state and its refunds, as they are stored."""
    return OrderInput.model_validate(content), [StoredRefund.model_validate(each) for each in refunds]


def store_refund(refund: StoredRefund) -> Document:
    """A refund as it is stored."""
    return refund.model_dump(mode="json", by_alias=True, exclude_none=True)


class CartInput(Schema):
    """What is bought and how it is paid: an order without its reference, status and dates."""

    user_id: Text(64) | None = None  # type: ignore[valid-type]  # a call makes the type
    email: Text(254) | None = None  # type: ignore[valid-type]  # a call makes the type
    currency: Currency
    channel: Code | None = None
    tax_included: bool = True
    exchange_rate: Rate | None = None
    lines: Annotated[list[OrderLine], Field(min_length=1, max_length=MAX_LINES)]
    discount: Money = 0
    tenders: Annotated[list[OrderTender], Field(max_length=50)] = Field(default_factory=list)

    @field_validator("lines")
    @classmethod
    def _lines_once(cls, lines: list[OrderLine]) -> list[OrderLine]:
        if len({line.line_id for line in lines}) < len(lines):
            raise ValueError("must each have a lineId of their own")
        return lines


class OrderInput(CartInput):
    """The whole state of an order. Without `refunds` those that are known stay; with them, that list is the truth."""

    placed_at: Moment
    updated_at: Moment | None = None
    status: OrderStatus
    paid_at: Moment | None = None
    fulfilled_at: Moment | None = None
    test: bool = False
    refunds: Annotated[list[RefundInput], Field(max_length=MAX_LINES)] | None = None
    referral_code: Text(64) | None = None  # type: ignore[valid-type]  # a call makes the type

    @field_validator("refunds")
    @classmethod
    def _refunds_once(cls, refunds: list[RefundInput] | None, order: ValidationInfo) -> list[RefundInput] | None:
        known = {line.line_id for line in order.data.get("lines", ())}
        named = [line.line_id for refund in refunds or () for line in refund.lines]
        missing = [line_id for line_id in named if line_id not in known]
        if missing and known:
            raise ValueError(f"must name lines of the order, which has no {missing[0]}")
        if refunds is not None and len({refund.refund_id for refund in refunds}) < len(refunds):
            raise ValueError("must each have a refundId of their own")
        return refunds

    @property
    def waits_for(self) -> str | None:
        """The address whose holder's it is; None if it names its user, or nobody."""
        return self.email if self.user_id is None else None

    def content(self) -> Document:
        """What is stored of it: everything but whose it is, its refunds and its own stamp."""
        apart = {"user_id", "email", "refunds", "updated_at"}
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude=apart)
