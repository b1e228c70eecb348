"""What remains of an order after its refunds: pure, and the same in whatever order they came (CONTRACT-EARNING 8.5)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction

from portal.earning import Cart, Line, LineKind, Tender, compute_nets
from portal.orders.state import CartInput, RefundInput, RefundLine

WHOLE = Fraction(1)


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of a line: its share of the money, and its units."""

    share: Fraction
    units: int


@dataclass(frozen=True, slots=True)
class Applied:
    """How much of a refund the order could give back, and how much it could not, in its currency's smallest unit."""

    refund: RefundInput
    applied: int
    unapplied: int


@dataclass(frozen=True, slots=True)
class Remaining:
    """What is left of each line, what each refund did, and the lines that refunds name and the order no longer has."""

    lines: Mapping[str, Left]
    refunds: tuple[Applied, ...]
    missing: tuple[str, ...] = ()

    def has_goods(self, order: CartInput) -> bool:
        """Whether something is left of its products: what was paid for shipping is not what was bought."""
        return any(self.lines[line.line_id].share for line in order.lines if line.kind is LineKind.PRODUCT)


def make_cart(order: CartInput, placed_at: datetime, left: Mapping[str, Left] | None = None) -> Cart:
    """The order as `evaluate` takes it; `left` is what remains of its lines (None: all of them)."""
    lines = []
    for line in order.lines:
        rest = Left(WHOLE, line.quantity) if left is None else left[line.line_id]
        lines.append(
            Line(
                line.line_id,
                line.amount,
                line.kind,
                rest.units,
                line.discount,
                line.tax,
                line.product_id,
                line.sku,
                frozenset(line.categories),
                rest.share,
            )
        )
    return Cart(
        order.currency,
        placed_at,
        tuple(lines),
        order.discount,
        tuple(Tender(tender.kind, tender.amount) for tender in order.tenders),
        order.tax_included,
        Fraction(order.exchange_rate) if order.exchange_rate else None,
        order.channel,
    )


def compute_remaining(order: CartInput, refunds: Sequence[RefundInput], placed_at: datetime) -> Remaining:
    """What these refunds leave of each line. Those with lines come first; a line never goes below nothing."""
    nets = dict(zip((line.line_id for line in order.lines), compute_nets(make_cart(order, placed_at)), strict=True))
    lines = {line.line_id: _LineLeft(nets[line.line_id], line.quantity) for line in order.lines}
    ordered = sorted(refunds, key=lambda refund: (not refund.lines, refund.refund_id))
    applied, missing = {}, []
    for refund in ordered:
        if refund.lines:
            missing += [part.line_id for part in refund.lines if part.line_id not in lines]
            parts = [lines[part.line_id].give_back(part) for part in refund.lines if part.line_id in lines]
            applied[refund.refund_id] = Applied(refund, sum(p[0] for p in parts), sum(p[1] for p in parts))
    products = [line.line_id for line in order.lines if line.kind is LineKind.PRODUCT]
    whole = rest = sum(lines[line_id].money for line_id in products)
    for refund in ordered:
        if not refund.lines:
            asked = refund.amount or 0
            lowers = refund.kind in (None, "discrepancy")
            taken = min(asked, rest) if lowers else asked
            rest -= taken if lowers else 0
            applied[refund.refund_id] = Applied(refund, taken, asked - taken)
    factor = Fraction(rest, whole) if whole else WHOLE
    left = {line_id: line.left(factor if line_id in products else WHOLE) for line_id, line in lines.items()}
    return Remaining(left, tuple(applied[refund.refund_id] for refund in refunds), tuple(missing))


def nothing_left(order: CartInput) -> dict[str, Left]:
    """The lines of an order that was cancelled."""
    return {line.line_id: Left(Fraction(), 0) for line in order.lines}


@dataclass(slots=True)
class _LineLeft:
    """A line while refunds are applied: `net` is what it cost, of `units`."""

    net: int
    units: int
    units_back: int = 0
    amounts_back: int = 0
    all_back: bool = False
    money: int = field(init=False)

    def __post_init__(self) -> None:
        self.money = self.net

    def give_back(self, part: RefundLine) -> tuple[int, int]:
        """Apply a part of a refund; returns the money that it takes, and what the line has not got."""
        before, had = self.money, self.units - self.units_back
        if part.quantity is not None:
            self.units_back = min(self.units_back + part.quantity, self.units)
        elif part.amount is not None:
            self.amounts_back += part.amount
        else:
            self.all_back = True
        whole = self.all_back or self.units_back == self.units
        by_units = self.net if whole else self.net * self.units_back // self.units
        self.money = max(self.net - by_units - self.amounts_back, 0)
        taken = before - self.money
        if part.quantity is not None:
            over = max(part.quantity - had, 0)
            wanted = taken + self.net * over // self.units
        else:
            wanted = taken if part.amount is None else part.amount
        return taken, wanted - taken

    def left(self, factor: Fraction) -> Left:
        """What is left of it, lowered by a refund of the whole order."""
        units = 0 if self.all_back or (self.net and not self.money) else self.units - self.units_back
        share = Fraction(self.money, self.net) * factor if self.net else Fraction(bool(units))
        return Left(share, units if share else 0)
