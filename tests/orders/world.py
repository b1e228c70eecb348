"""A programme that is told of orders through the domain, beside what the contract alone makes of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.earning.rules import RuleTerms
from portal.earning.versions import put_rule
from portal.orders import OrderInput, OrderRules, put_order
from portal.orders.judging.quotes import Quote, quote_cart
from portal.orders.state import CartInput
from portal.orders.taking import Taken
from portal.platform.audit import Act
from portal.platform.settings import current_settings
from tests.factories.accounts import make_user
from tests.factories.loyalty import make_member, make_tier
from tests.orders.naive import target, told

Json = dict[str, Any]
TIERS = {"a": "1.5", "b": "2", "c": "0.5"}
FIGURES = text("""
    SELECT balance, pending, owed, lifetime_earned AS earned FROM loyalty_members m JOIN users u ON u.id = m.user_id
    WHERE u.id = :user_id
""")
IN_TIER = text("""
    UPDATE loyalty_members m SET tier_id = t.id, tier_since = m.joined_at FROM loyalty_tiers t
    WHERE t.slug = :slug AND m.id = :id
""")
NET = text("""
    SELECT slug, granted - reversed AS points FROM loyalty_earning_grants
    WHERE source = 'order' AND external_id = :reference AND granted > reversed
""")


def naive_settings() -> Json:
    """The programme's settings as the naive implementation takes them."""
    settings = current_settings()
    return {
        "currency": settings.programme_currency,
        "timezone": settings.programme_timezone.key,
        "earnOnTax": settings.earn_on_tax,
        "earnOnShipping": settings.earn_on_shipping,
        "earnOnPointsPart": settings.earn_on_points_part,
        "earnOnGiftCardPart": settings.earn_on_gift_card_part,
    }


@dataclass
class Expected:
    """An order as the contract has it: its last state, whose it is, and the rules and facts of its snapshot."""

    state: Json
    owner: str
    snapshot: tuple[dict[str, Json], Json] | None = None


@dataclass
class World:
    """Members without lower tiers to fall to, and the rules that hold."""

    session: Session
    rules: dict[str, Json] = field(default_factory=dict)
    tiers: dict[str, str | None] = field(default_factory=dict)
    orders: dict[str, Expected] = field(default_factory=dict)

    def join(self, tier: str | None = None) -> str:
        """A new member, in this tier."""
        user = make_user(self.session)
        member = make_member(self.session, user)
        self.session.execute(IN_TIER, {"slug": tier, "id": member.id})
        self.session.expire_all()
        self.tiers[user.id] = tier
        return str(user.id)

    def write(self, slug: str, terms: Json, now: datetime) -> None:
        """Write a rule."""
        put_rule(self.session, slug, RuleTerms.model_validate(terms), Act("test", now))
        self.rules = {**self.rules, slug: terms}

    def quote(self, user_id: str, cart: Json, now: datetime) -> Quote:
        """Quote a cart for a member."""
        member_id = self.session.scalar(
            text("SELECT id FROM loyalty_members WHERE user_id = :user_id"), {"user_id": user_id}
        )
        return quote_cart(self.session, CartInput.model_validate(cart), member_id, rules_of_orders(), now)

    def tell(self, reference: str, body: Json, now: datetime) -> Taken:
        """Tell the state of an order."""
        return put_order(self.session, reference, OrderInput.model_validate(body), Act("test", now), rules_of_orders())

    def expect(self, reference: str, body: Json) -> None:
        """Note what the contract makes of that: the state that holds, and the snapshot it is judged by."""
        known = self.orders.get(reference)
        state = told(known and known.state, body, datetime.fromisoformat)
        owner = body["userId"] if state is not (known and known.state) or known is None else known.owner
        if known is None or known.owner != owner:
            known = self.orders[reference] = Expected(state, owner)
        known.state = state
        if known.snapshot is None and state["status"] in ("paid", "fulfilled") and not state.get("test"):
            known.snapshot = (self.rules, self.facts(owner))

    def facts(self, user_id: str) -> Json:
        """What counts of a member who has ordered before."""
        tier = self.tiers[user_id]
        return {"tier": tier, "tierMultiplier": TIERS.get(tier or ""), "firstOrder": False, "room": {}}

    def target(self, reference: str) -> dict[str, int]:
        """What an order should have granted, by rule."""
        order = self.orders[reference]
        if order.snapshot is None:
            return {}
        return target(order.state, *order.snapshot, naive_settings())

    def qualifies(self, reference: str, slug: str) -> bool:
        """Whether points of a rule count for tiers, by the order's snapshot."""
        snapshot = self.orders[reference].snapshot
        return snapshot is not None and bool(snapshot[0][slug].get("qualifies", {}).get("tier", True))

    def net(self, reference: str) -> dict[str, int]:
        """What an order has granted and not taken back, by rule."""
        return {row.slug: row.points for row in self.session.execute(NET, {"reference": reference})}

    def figures(self, user_id: str) -> Any:
        """Balance, pending, owed and earned points of a member."""
        return self.session.execute(FIGURES, {"user_id": user_id}).one()

    def of(self, user_id: str) -> Iterable[str]:
        """The references of a member's orders."""
        return [reference for reference, order in self.orders.items() if order.owner == user_id]


def rules_of_orders() -> OrderRules:
    """The programme's rules of orders."""
    return OrderRules.of(current_settings())


def make_world(session: Session) -> World:
    """A world with the tiers `a`, `b` and `c`, which nobody reaches by points, and without rules."""
    for number, (slug, value) in enumerate(TIERS.items()):
        benefit = {"kind": "earn_multiplier", "label": slug, "value": value}
        make_tier(session, slug, 10**12 + number, benefits=[benefit])
    return World(session)
