"""What was bought and how it was paid: the part of an order, or of a cart, that points are computed from."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fractions import Fraction


class LineKind(StrEnum):
    """What a line sells. Only products earn, and shipping where the programme says so."""

    PRODUCT = "product"
    GIFT_CARD = "gift_card"
    SHIPPING = "shipping"
    FEE = "fee"
    TIP = "tip"


class TenderKind(StrEnum):
    """What a part of the order was paid with."""

    POINTS = "points"
    GIFT_CARD = "gift_card"
    STORE_CREDIT = "store_credit"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Line:
    """One line. `amount` is the whole line before its `discount`; `tax` is what was charged after all discounts.

    Money is in the smallest unit of the order's currency. `left` is the share of it that was not given back; a line of
    which nothing is left earns nothing. `quantity` is the units that are left.
    """

    id: str
    amount: int
    kind: LineKind = LineKind.PRODUCT
    quantity: int = 1
    discount: int = 0
    tax: int = 0
    product_id: str | None = None
    sku: str | None = None
    categories: frozenset[str] = frozenset()
    left: Fraction = Fraction(1)


@dataclass(frozen=True, slots=True)
class Tender:
    """A part of the payment, in the smallest unit of the order's currency."""

    kind: TenderKind
    amount: int


@dataclass(frozen=True, slots=True)
class Cart:
    """Lines, payment and when the order was placed (aware).

    `discount` is the order's own and belongs to its product lines together. With `tax_included` the tax of a line is
    part of its amount. `exchange_rate` is units of the programme's currency for one unit of the order's.
    """

    currency: str
    placed_at: datetime
    lines: tuple[Line, ...]
    discount: int = 0
    tenders: tuple[Tender, ...] = ()
    tax_included: bool = True
    exchange_rate: Fraction | None = None
    channel: str | None = None
