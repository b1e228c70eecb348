"""The basis of points: how much of each line counts, in the programme's currency and exactly (CONTRACT-EARNING 8.3)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from babel.numbers import get_currency_precision

from portal.config import Settings
from portal.earning.cart import Cart, Line, LineKind, TenderKind


@dataclass(frozen=True, slots=True)
class Terms:
    """The programme's currency and what counts for points beside products: each is a setting."""

    currency: str
    on_tax: bool = False
    on_shipping: bool = False
    on_points_part: bool = False
    on_gift_card_part: bool = True

    @classmethod
    def of(cls, settings: Settings) -> "Terms":
        """The terms that these settings define."""
        return cls(
            settings.programme_currency,
            settings.earn_on_tax,
            settings.earn_on_shipping,
            settings.earn_on_points_part,
            settings.earn_on_gift_card_part,
        )


@dataclass(frozen=True, slots=True)
class LineBasis:
    """A line, whether its kind counts, and how much of it does, in the smallest unit of the programme's currency."""

    line: Line
    counts: bool
    amount: Fraction


@dataclass(frozen=True, slots=True)
class Basis:
    """All lines with what counts of each, and what does not count, by what it is (`tax`, `shipping`, `points` …)."""

    lines: tuple[LineBasis, ...]
    excluded: Mapping[str, Fraction]

    @property
    def total(self) -> Fraction:
        """What counts of the whole order."""
        return sum((each.amount for each in self.lines), Fraction())


def compute_basis(cart: Cart, terms: Terms) -> Basis | None:
    """The basis of a cart; None if its currency is not the programme's and no exchange rate was told."""
    rate = _rate(cart, terms)
    if rate is None:
        return None
    costs = _costs(cart)
    parts = _paid_otherwise(cart, costs, terms)
    excluded: defaultdict[str, Fraction] = defaultdict(Fraction)
    lines = []
    for place, (line, cost) in enumerate(zip(cart.lines, costs, strict=True)):
        left = Fraction(cost)
        for what, part in parts.items():
            left -= part[place]
            excluded[what] += part[place] * line.left
        counts = line.kind is LineKind.PRODUCT or (line.kind is LineKind.SHIPPING and terms.on_shipping)
        left *= line.left
        amount = left if counts else Fraction()
        if not counts:
            excluded[line.kind.value] += left
        elif not terms.on_tax and cost:
            amount = left * max(0, cost - line.tax) / cost
            excluded["tax"] += left - amount
        lines.append(LineBasis(line, counts and line.left > 0, amount * rate))
    return Basis(tuple(lines), {what: amount * rate for what, amount in excluded.items() if amount})


def _rate(cart: Cart, terms: Terms) -> Fraction | None:
    """Smallest units of the programme's currency for one of the cart's."""
    if cart.currency == terms.currency:
        return Fraction(1)
    if cart.exchange_rate is None:
        return None
    ours, theirs = get_currency_precision(terms.currency), get_currency_precision(cart.currency)
    return cart.exchange_rate * Fraction(10) ** (ours - theirs)


def compute_nets(cart: Cart) -> list[int]:
    """What each line costs after all discounts, with its tax where that is included in amounts."""
    nets = [line.amount - line.discount for line in cart.lines]
    shares = _over_products(cart, cart.discount, nets)
    return [net - share for net, share in zip(nets, shares, strict=True)]


def _costs(cart: Cart) -> list[int]:
    """What each line costs after all discounts, with tax."""
    taxes = (0 if cart.tax_included else line.tax for line in cart.lines)
    return [net + tax for net, tax in zip(compute_nets(cart), taxes, strict=True)]


def _paid_otherwise(cart: Cart, costs: list[int], terms: Terms) -> dict[str, list[int]]:
    """What does not count of each line as it was paid with points, or with a gift card."""
    left, parts = list(costs), {}
    for kind, counts in ((TenderKind.POINTS, terms.on_points_part), (TenderKind.GIFT_CARD, terms.on_gift_card_part)):
        if not counts:
            paid = sum(tender.amount for tender in cart.tenders if tender.kind is kind)
            parts[f"{kind.value}_part"] = part = _over_products(cart, paid, left)
            left = [cost - share for cost, share in zip(left, part, strict=True)]
    return parts


def _over_products(cart: Cart, total: int, amounts: list[int]) -> list[int]:
    """`total`, or as much of it as there is, over the product lines in proportion to these amounts."""
    places = [place for place, line in enumerate(cart.lines) if line.kind is LineKind.PRODUCT]
    weights = [amounts[place] for place in places]
    shares = [0] * len(amounts)
    for place, share in zip(places, spread(min(total, sum(weights)), weights), strict=True):
        shares[place] = share
    return shares


def spread(total: int, weights: Sequence[int | Fraction]) -> list[int]:
    """`total` divided in proportion to the weights by largest remainder, in whole units that add up to it.

    Of equal remainders the earlier gets the unit. Without any weight the first one takes everything.
    """
    whole = sum(weights)
    if not weights:
        return []
    if whole == 0:
        return [total, *(0 for _ in weights[1:])]
    exact = [Fraction(total) * weight / whole for weight in weights]
    shares = [int(share) for share in exact]
    by_remainder = sorted(range(len(weights)), key=lambda place: (shares[place] - exact[place], place))
    for place in by_remainder[: total - sum(shares)]:
        shares[place] += 1
    return shares
