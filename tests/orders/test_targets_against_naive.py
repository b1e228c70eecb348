"""An order's target is what an implementation makes of it that was written from the contract without sight of it."""

import os
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from portal.earning import Facts, Rule, RuleTerms, Terms
from portal.orders.judging.snapshot import Snapshot
from portal.orders.judging.targets import compute_target
from portal.orders.state import OrderInput, OrderStatus
from tests.earning.drawn import CODES, MULTIPLIERS, ZONE, orders
from tests.orders.drawn import refunds, rules
from tests.orders.naive import target

Document = dict[str, Any]
EXAMPLES = int(os.environ.get("ORDERS_TARGETS", "250"))
SETTINGS = {
    "currency": "EUR",
    "timezone": ZONE,
    "earnOnTax": False,
    "earnOnShipping": False,
    "earnOnPointsPart": False,
    "earnOnGiftCardPart": True,
}


def snapshot_of(documents: dict[str, Document], facts: Document, terms: Document) -> Snapshot:
    """The snapshot that an order has with these rules and facts."""
    return Snapshot(
        tuple(Rule(slug, 1, RuleTerms.model_validate(documents[slug])) for slug in sorted(documents)),
        Facts(facts["tier"], facts["tierMultiplier"] and Fraction(facts["tierMultiplier"]), facts["firstOrder"]),
        Terms(
            terms["currency"],
            terms["earnOnTax"],
            terms["earnOnShipping"],
            terms["earnOnPointsPart"],
            terms["earnOnGiftCardPart"],
        ),
        ZoneInfo(ZONE),
        "",
        OrderStatus.PAID,
        0,
        OrderStatus.PAID,
        60,
        12,
        datetime(2026, 3, 1, tzinfo=UTC),
    )


@st.composite
def states(draw: st.DrawFn) -> Document:
    order = draw(orders())
    status = draw(st.sampled_from(["paid"] * 6 + ["fulfilled", "placed", "cancelled"]))
    return {**order, "status": status, "refunds": draw(refunds(order["lines"]))}


FACTS = st.fixed_dictionaries(
    {
        "tier": st.none() | CODES,
        "tierMultiplier": st.none() | MULTIPLIERS,
        "firstOrder": st.booleans(),
        "room": st.just({}),
    }
)
TERMS = st.builds(
    lambda **changes: {**SETTINGS, **changes},
    earnOnTax=st.booleans(),
    earnOnShipping=st.booleans(),
    earnOnPointsPart=st.booleans(),
    earnOnGiftCardPart=st.booleans(),
)


def found(state: Document, refunds: list[Document], snapshot: Snapshot) -> dict[str, int]:
    body = OrderInput.model_validate({**state, "refunds": refunds})
    return {grant.rule.slug: grant.points for grant in compute_target(body, body.refunds or [], snapshot).grants}


@settings(max_examples=EXAMPLES, deadline=None)
@given(states(), st.dictionaries(st.sampled_from("abcdef"), rules(), max_size=6), FACTS, TERMS, st.randoms())
def test_both_make_the_same_of_a_state(
    state: Document, documents: dict[str, Document], facts: Document, terms: Document, random: Any
) -> None:
    snapshot = snapshot_of(documents, facts, terms)
    points = found(state, state["refunds"], snapshot)
    assert points == target(state, documents, facts, terms)
    shuffled = list(state["refunds"])
    random.shuffle(shuffled)
    assert found(state, shuffled, snapshot) == points


@settings(max_examples=EXAMPLES, deadline=None)
@given(states(), st.dictionaries(st.sampled_from("abcdef"), rules(), max_size=6), FACTS, TERMS)
def test_no_refund_gives_points(
    state: Document, documents: dict[str, Document], facts: Document, terms: Document
) -> None:
    """Each refund leaves what there was or less, and when all is back nothing is left.

    Without thresholds, that is: what falls below the minimum of its rule, or of a step, is left to what pays more.
    """
    for document in documents.values():
        document |= {"minimumBasis": 0, "step": "proportional"}
    snapshot = snapshot_of(documents, facts, terms)
    told = state["refunds"]
    lefts = [sum(found(state, told[:number], snapshot).values()) for number in range(len(told) + 1)]
    assert lefts == sorted(lefts, reverse=True)
    everything = {"refundId": "all", "lines": [{"lineId": line["lineId"]} for line in state["lines"]]}
    assert found(state, [*told, everything], snapshot) == {}
