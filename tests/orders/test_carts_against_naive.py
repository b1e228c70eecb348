"""What a cart is quoted is what its order is granted, and what the contract says: over random carts and rules.

`ORDERS_CARTS=10000` takes that many carts.
"""

import os
from collections import defaultdict
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from portal.earning import round_half_up
from portal.ledger.verify import find_differences
from tests.earning import drawn
from tests.earning.naive import naive
from tests.orders.world import TIERS, World, make_world, naive_settings

Json = dict[str, Any]
CARTS = int(os.environ.get("ORDERS_CARTS", "120"))
EACH = 8
NOW = datetime(2026, 3, 11, 12, tzinfo=UTC)
BASE = {"base": {"name": "Every order", "kind": "spend", "points": 1, "perAmount": 100}}


@st.composite
def rules(draw: st.DrawFn) -> Json:
    """A rule, perhaps with limits over many orders."""
    document = draw(drawn.rules())
    if document["kind"] == "multiplier" or draw(st.booleans()):
        return document
    limits = {**document.get("limits", {})}
    if draw(st.booleans()):
        limits["programme"] = draw(st.integers(1, 500))
    if draw(st.booleans()):
        measure = {draw(st.sampled_from(["points", "times"])): draw(st.integers(1, 300))}
        limits["perMember"] = {**measure, "window": draw(st.sampled_from(["day", "ever"]))}
    return {**document, "limits": limits}


class Used:
    """What limits have left, and whether the member has ordered before: all orders of one day, of one member."""

    def __init__(self) -> None:
        self.points: dict[str, int] = defaultdict(int)
        self.times: dict[str, int] = defaultdict(int)
        self.ordered = False

    def facts(self, tier: str | None, documents: dict[str, Json]) -> Json:
        return {
            "tier": tier,
            "tierMultiplier": TIERS.get(tier or ""),
            "firstOrder": not self.ordered,
            "room": {slug: self._room(slug, rule.get("limits") or {}) for slug, rule in documents.items()},
        }

    def _room(self, slug: str, limits: Json) -> Json:
        member, programme = limits.get("perMember") or {}, limits.get("programme")
        left = {name: member.get(name) for name in ("points", "times")}
        return {
            "memberPoints": None if left["points"] is None else left["points"] - self.points[slug],
            "memberTimes": None if left["times"] is None else left["times"] - self.times[slug],
            "programme": None if programme is None else programme - self.points[slug],
        }

    def note(self, cart: Json, points: dict[str, int]) -> None:
        for slug, granted in points.items():
            self.points[slug] += granted
            self.times[slug] += 1
        self.ordered |= any(line["kind"] == "product" for line in cart["lines"])


def check(world: World, carts: list[Json], documents: dict[str, Json], tier: str | None) -> None:
    user_id, used = world.join(tier), Used()
    for slug, rule in documents.items():
        world.write(slug, rule, NOW)
    for number, cart in enumerate(carts):
        cart = {**cart, "placedAt": NOW.isoformat()}
        expected = naive(cart, documents, used.facts(tier, documents), naive_settings())
        bare = {name: value for name, value in cart.items() if name != "placedAt"}
        quote = world.quote(user_id, bare, NOW)
        posted = world.tell(f"c-{number}", {**cart, "userId": user_id, "status": "paid"}, NOW)
        quoted = {grant.rule.slug: grant.points for grant in quote.target.grants}
        assert quoted == world.net(f"c-{number}") == expected["points"]
        assert list(quote.reasons) == posted.order.reasons == expected["reasons"]
        converted = "currency_not_converted" not in expected["reasons"]
        basis = round_half_up(Fraction(expected["basis"])) if converted else None
        assert posted.order.basis == basis
        assert quote.target.basis == (expected["basis"] if converted else None)
        used.note(cart, expected["points"])
    assert world.figures(user_id).balance == sum(used.points.values())
    assert find_differences(world.session) == []


@settings(
    max_examples=max(CARTS // EACH, 1),
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # to make one smaller takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    st.lists(drawn.orders(), min_size=EACH, max_size=EACH),
    st.dictionaries(st.sampled_from("abcdef"), rules(), max_size=6),
    st.none() | st.sampled_from(sorted(TIERS)),
)
def test_quote_posting_and_contract_agree(
    session: Session, carts: list[Json], documents: dict[str, Json], tier: str | None
) -> None:
    with session.begin_nested() as savepoint:
        check(make_world(session), carts, {**BASE, **documents}, tier)
        savepoint.rollback()
    session.expire_all()
