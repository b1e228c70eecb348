"""Orders as shops tell them, and one in every state."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from portal.earning import RuleTerms
from portal.earning.versions import put_rule
from portal.orders import OrderInput, OrderRules, put_order
from portal.orders.models import Order
from portal.platform import clock
from portal.platform.audit import Act
from portal.platform.settings import current_settings

SHOP = "token:shop"
LONG = "LONG-" + "0123456789" * 12 + "abc"


def tell_order(session: Session, reference: str, amount: int = 4_000, **fields: Any) -> Order:
    """Tell of a paid order with one line of this amount; `fields` are those of the order's body and go before these."""
    now = clock.now()
    body = {
        "currency": "EUR",
        "placedAt": now.isoformat(),
        "status": "paid",
        "lines": [{"lineId": "1", "productId": "mug", "sku": "MUG-1", "amount": amount}],
        **fields,
    }
    return put_order(session, reference, OrderInput.model_validate(body), Act(SHOP, now), order_rules()).order


def order_rules() -> OrderRules:
    """The rules that the current settings define."""
    return OrderRules.of(current_settings())


def make_rule(session: Session, slug: str, **terms: Any) -> None:
    """A rule, made by the programme's owner."""
    document = RuleTerms.model_validate({"name": slug.capitalize(), **terms})
    put_rule(session, slug, document, Act("user:demo-admin", clock.now(), "as agreed"))


def make_orders(session: Session, user_id: str) -> Sequence[str]:
    """An order of this member in every state, and one of nobody; the last placed first, which has pending points."""
    make_rule(session, "decaf", kind="spend", points=2, perAmount=100, categories=["decaf"], pendingDays=14)
    make_rule(session, "double", kind="multiplier", multiplier="2", categories=["decaf"])
    make_rule(session, "big", kind="order", points=200, minimumBasis=100_000)
    decaf = {"lineId": "decaf", "sku": "DECAF", "categories": ["decaf"], "quantity": 2, "amount": 2_400, "tax": 157}
    mug = {"lineId": "mug", "productId": "mug", "amount": 1_900, "discount": 100, "tax": 287}
    post = {"lineId": "post", "kind": "shipping", "amount": 490}
    mine = {"userId": user_id, "lines": [decaf, mug, post]}
    refund = {"refundId": "R-1", "lines": [{"lineId": "mug", "amount": 2_500}], "reason": "it was broken"}
    yen = [{"lineId": str(number), "sku": f"YEN-{number:03}", "amount": 100 + number} for number in range(500)]
    told: dict[str, list[dict[str, Any]]] = {
        "T-PAID": [{**mine, "status": "placed"}, {**mine, "discount": 200, "referralCode": "UNKNOWN"}],
        "T-NOBODY": [{"email": "somebody@example.com", "discount": 500}],
        "T-DOLLARS": [{**mine, "currency": "USD"}],
        "T-REFUND": [mine, {**mine, "refunds": [refund]}],
        "T-CANCELLED": [mine, {**mine, "status": "cancelled"}],
        "T-TEST": [{**mine, "test": True}],
        "T-PLACED": [{**mine, "status": "placed"}],
        "T-YEN": [
            {"userId": user_id, "currency": "JPY", "exchangeRate": "0.0061", "lines": yen, "status": "fulfilled"}
        ],
        "T-POST": [{"userId": user_id, "lines": [post]}],
        LONG: [{"userId": user_id, "tenders": [{"kind": "points", "amount": 1_000}]}],
    }
    for number, (reference, bodies) in enumerate(told.items()):
        placed_at = clock.now() - timedelta(hours=1 + number)
        for body in bodies:
            tell_order(session, reference, placedAt=placed_at.isoformat(), **body)
    return list(told)
