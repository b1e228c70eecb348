"""What the demo shop's people buy: orders as its storefront would tell of them."""

from datetime import datetime
from random import Random
from typing import Any

from portal.orders import OrderInput
from portal.platform.documents import Document

# Product, sku, category, price with tax in cents.
PRODUCTS: tuple[tuple[str, str, str, int], ...] = (
    ("house-blend", "BEANS-HOUSE-250", "beans", 890),
    ("house-blend", "BEANS-HOUSE-1000", "beans", 2990),
    ("single-origin", "BEANS-YIRG-250", "beans", 1390),
    ("decaf", "BEANS-DECAF-250", "beans", 990),
    ("tote", "TOTE-BLACK", "bags", 1490),
    ("tote", "TOTE-SAND", "bags", 1490),
    ("cup", "CUP-ESPRESSO", "cups", 1200),
    ("cup", "CUP-FLAT-WHITE", "cups", 1600),
    ("filter", "FILTER-100", "brewing", 490),
    ("dripper", "DRIPPER-02", "brewing", 2400),
    ("grinder", "GRINDER-HAND", "brewing", 7900),
)
TAX_PERCENT = 19
POST, FREE_FROM = 490, 5000


def make_order(random: Random, user_id: str | None, euros: int, moment: datetime, **fields: Any) -> OrderInput:
    """An order that was paid at `moment`, of about so many euros; `fields` add to what the shop says of it."""
    lines: list[Document] = []
    total = 0
    while total < euros * 100 and len(lines) < 6:
        product, sku, category, price = random.choice(PRODUCTS)
        quantity = random.choice((1, 1, 1, 2))
        discount = price * quantity // 10 if random.random() < 0.1 else 0
        paid = price * quantity - discount
        lines.append(
            {
                "lineId": str(len(lines) + 1),
                "productId": product,
                "sku": sku,
                "categories": [category],
                "quantity": quantity,
                "amount": price * quantity,
                "discount": discount,
                "tax": _tax(paid),
            }
        )
        total += paid
    if total < FREE_FROM:
        lines.append({"lineId": "post", "kind": "shipping", "amount": POST, "tax": _tax(POST)})
    five_off = total > 2000 and random.random() < 0.15
    state = {
        "userId": user_id,
        "currency": "EUR",
        "placedAt": moment.isoformat(),
        "paidAt": moment.isoformat(),
        "status": "paid",
        "channel": random.choice(("web", "web", "till")),
        "lines": lines,
        "tenders": [{"kind": "points", "amount": 500}] if five_off else [],
        **fields,
    }
    return OrderInput.model_validate(state)


def give_back(order: OrderInput, refund_id: str, moment: datetime, *, lines: int | None = 1) -> OrderInput:
    """The order after its first goods were sent back, so many lines of them; None: all."""
    goods = [{"lineId": line.line_id} for line in order.lines if line.kind == "product"][:lines]
    refund = {"refundId": refund_id, "refundedAt": moment.isoformat(), "lines": goods}
    told = order.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return OrderInput.model_validate({**told, "updatedAt": moment.isoformat(), "refunds": [refund]})


def _tax(paid: int) -> int:
    return round(paid * TAX_PERCENT / (100 + TAX_PERCENT))
