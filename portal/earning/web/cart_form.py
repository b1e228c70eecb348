"""A cart that an operator types in, to try rules on."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from wtforms import BooleanField, DateTimeLocalField, FieldList, FormField, SelectField, StringField
from wtforms.validators import Length, NumberRange, Optional, ValidationError

from portal.earning.cart import Cart, Line, LineKind, Tender, TenderKind
from portal.earning.web.fields import CODE_LENGTH, Money, choices
from portal.platform import clock
from portal.platform.clock import YEARS
from portal.platform.documents import MAX_POINTS
from portal.platform.settings import current_settings
from portal.platform.web.forms import PortalForm, WholeNumber, no_nul, strip
from portal.tiers import Tier

MAX_LINES, FREE_LINES = 20, 2
LINE_KINDS = {
    LineKind.PRODUCT: "Product",
    LineKind.GIFT_CARD: "Gift card",
    LineKind.SHIPPING: "Shipping",
    LineKind.FEE: "Fee",
    LineKind.TIP: "Tip",
}
_MONEY = [Optional(), NumberRange(0, MAX_POINTS, message="Enter a smaller amount.")]
_CODE = [Optional(), Length(max=CODE_LENGTH), no_nul]


class WithinForm(PortalForm):
    """A form inside another, which has the token."""

    class Meta(PortalForm.Meta):
        """Only the form around it is signed."""

        csrf = False


class LineForm(WithinForm):
    """A line of the cart; one without an amount counts for nothing."""

    kind = SelectField("Kind", choices=choices(*((kind.value, label) for kind, label in LINE_KINDS.items())))
    amount = Money("Amount", validators=_MONEY)
    discount = Money("Discount", validators=_MONEY)
    quantity = WholeNumber("Quantity", default=1, validators=[Optional(), NumberRange(1, 10_000)])
    product = StringField("Product", filters=[strip], validators=_CODE)
    sku = StringField("SKU", filters=[strip], validators=_CODE)
    categories = StringField("Categories", filters=[strip], validators=[Optional(), Length(max=500), no_nul])

    def validate_discount(self, field: Any) -> None:
        """A line never costs less than nothing."""
        if field.data > (self.amount.data or 0):
            raise ValidationError("The discount is more than the amount.")

    def line(self, number: int) -> Line:
        """The line of a cart."""
        codes = (code.strip() for code in (self.categories.data or "").split(","))
        return Line(
            id=str(number),
            amount=self.amount.data or 0,
            kind=LineKind(self.kind.data),
            quantity=self.quantity.data or 1,
            discount=self.discount.data or 0,
            product_id=self.product.data or None,
            sku=self.sku.data or None,
            categories=frozenset(code for code in codes if code),
        )


class CartForm(WithinForm):
    """A cart to try rules on. Times are in the programme's timezone, money in its currency."""

    lines = FieldList(FormField(LineForm), max_entries=MAX_LINES)
    discount = Money("Discount of the order", validators=_MONEY)
    points_part = Money("Paid with points", description="As an amount of money.", validators=_MONEY)
    tier = SelectField("The member's tier", default="")
    placed_at = DateTimeLocalField("Ordered at", format=["%Y-%m-%dT%H:%M"], validators=[Optional()])
    channel = StringField("Channel", filters=[strip], validators=_CODE)
    first_order = BooleanField("It is the member's first order")

    def __init__(self, tiers: Iterable[Tier] = (), **options: Any) -> None:
        super().__init__(prefix="cart", data={"placed_at": _now(), "lines": [{}]}, **options)
        self.tier.choices = choices(("", "No tier"), *((tier.slug, tier.name) for tier in tiers))

    def validate_placed_at(self, field: Any) -> None:
        """Accept only a year that every part can show."""
        if field.data is not None and field.data.year not in YEARS:
            raise ValidationError("Choose another year.")

    def validate(self, *arguments: object, **options: object) -> bool:
        """Check every field; what is wrong with lines is told line by line."""
        super().validate(*arguments, **options)
        wrong = [(number, f) for number, row in enumerate(self.lines, 1) for f in row.form if f.errors]
        self.lines.errors = [f"Line {number}, {f.label.text.lower()}: {f.errors[0]}" for number, f in wrong]
        if not self.lines.errors and not any(row.form.amount.data for row in self.lines):
            self.lines.errors = ["Enter the amount of at least one line."]
        return not self.errors

    def add_free_lines(self) -> None:
        """Offer some empty rows for further lines."""
        free = sum(row.form.amount.data is None for row in self.lines)
        for _ in range(min(FREE_LINES - free, MAX_LINES - len(self.lines))):
            self.lines.append_entry({})

    def cart(self, currency: str, zone: ZoneInfo) -> Cart:
        """The cart, with the lines that have an amount."""
        rows = [row.form for row in self.lines if row.form.amount.data is not None]
        return Cart(
            currency=currency,
            placed_at=(self.placed_at.data or _now()).replace(tzinfo=zone),
            lines=tuple(row.line(number) for number, row in enumerate(rows, 1)),
            discount=self.discount.data or 0,
            tenders=(Tender(TenderKind.POINTS, self.points_part.data or 0),),
            channel=self.channel.data or None,
        )


def _now() -> datetime:
    """The programme's clock."""
    return clock.now().astimezone(current_settings().programme_timezone).replace(tzinfo=None)
