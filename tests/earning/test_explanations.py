"""Every code of an evaluation has its words, and a grant says where its points come from."""

from fractions import Fraction
from typing import Any

import pytest

from portal.earning import Cart, Facts, Line, LineKind, Lost, Reason, Room, RuleKind, Tender, TenderKind, Terms
from portal.earning.evaluation import Cap
from portal.earning.explanations import CAPS, EXCLUDED, LOST, REASONS, explain_grant, explain_lost
from tests.earning.test_evaluation import BASE, bought, cart, judged, rule


def test_every_code_has_its_words() -> None:
    assert set(REASONS) == set(Reason)
    assert set(LOST) == set(Lost)
    assert set(CAPS) == set(Cap)
    sentences = [*REASONS.values(), *(explain_lost(kind, lost) for kind in RuleKind for lost in Lost)]
    assert all(words[0].isupper() and words.endswith(".") for words in sentences)


def test_whatever_does_not_count_has_a_name() -> None:
    lines = [bought(1000, id=kind.value, kind=kind, tax=100) for kind in LineKind]
    tenders = tuple(Tender(kind, 10) for kind in TenderKind)
    found = judged(cart(*lines, tenders=tenders), terms=Terms("EUR", on_gift_card_part=False))
    assert found.basis is not None
    assert set(found.basis.excluded) == set(EXCLUDED)


GOLD = Facts(tier="gold", tier_multiplier=Fraction(3, 2))
ORDER = {"kind": "order", "points": 200}


@pytest.mark.parametrize(
    ("terms", "facts", "said"),
    [
        (BASE, Facts(), "32 points: 1 for every €1.00 of €32.40"),
        (BASE, GOLD, "48 points: 1 for every €1.00 of €32.40, times 1.5"),
        (BASE | {"perAmount": 3240}, Facts(), "1 point: 1 for every €32.40 of €32.40"),
        (BASE | {"step": "whole", "perAmount": 1000}, Facts(), "3 points: 1 for every full €10.00 of €32.40"),
        ({"kind": "item", "points": 10}, Facts(), "30 points: 10 for each of 3 items"),
        ({"kind": "item", "points": 10, "skus": ["one"]}, Facts(), "10 points: 10 for the item"),
        (ORDER, Facts(), "200 points for the order"),
        ({**ORDER, "kind": "first_order"}, Facts(first_order=True), "200 points for your first order"),
        ({**ORDER, "limits": {"perOrder": 50}}, Facts(), "50 points: 200 for the order, cut to the most for one order"),
        (
            ORDER,
            Facts(room={"tea": Room(member_points=9)}),
            "9 points: 200 for the order, cut to the most for you in this time",
        ),
        (
            ORDER,
            Facts(room={"tea": Room(programme=9)}),
            "9 points: 200 for the order, cut to all that was left of this offer",
        ),
    ],
)
def test_a_grant_says_where_its_points_come_from(terms: dict[str, Any], facts: Facts, said: str) -> None:
    lines = (bought(3000, id="1", quantity=2), bought(240, id="2", sku="one"))
    (grant,) = judged(cart(*lines), rule("tea", **terms), facts=facts).grants
    assert explain_grant(grant, "EUR", "en") == said


def test_a_grant_names_all_the_factors_of_its_lines() -> None:
    factors = (rule(f"m{by}", kind="multiplier", multiplier=by, skus=[by]) for by in "23")
    lines = [bought(1000, id=sku, sku=sku) for sku in ("2", "3", "4")]
    (grant,) = judged(cart(*lines), rule("base", **BASE), *factors).grants
    assert explain_grant(grant, "EUR", "en") == "60 points: 1 for every €1.00 of €30.00, times 1, 2 or 3 by line"


@pytest.mark.parametrize(
    ("currency", "said"),
    [("JPY", "32 points: 1 for every ¥1 of ¥32"), ("KWD", "32 points: 1 for every KWD0.001 of KWD0.032")],
)
def test_money_has_the_decimals_of_its_currency(currency: str, said: str) -> None:
    cheap = rule("base", name="Base", kind="spend", points=1, perAmount=1)
    (grant,) = judged(Cart(currency, cart().placed_at, (Line("1", 32),)), cheap, terms=Terms(currency)).grants
    assert explain_grant(grant, currency, "en").replace("\xa0", "") == said


@pytest.mark.parametrize(
    ("multipliers", "lost"),
    [
        ({"a": ("2", False), "b": ("1.25", False)}, {"b"}),
        ({"a": ("1.25", False)}, {"a"}),
        ({"a": ("1.25", True), "b": ("2", False)}, set()),
        ({"a": ("1.5", False)}, set()),
    ],
)
def test_a_multiplier_that_changes_nothing_has_lost(multipliers: dict[str, tuple[str, bool]], lost: set[str]) -> None:
    """A gold member has 1.5 already."""
    rules = [rule(slug, kind="multiplier", multiplier=by, stacks=stacks) for slug, (by, stacks) in multipliers.items()]
    found = judged(cart(bought(1000)), rule("base", **BASE), *rules, facts=GOLD)
    assert found.lost == dict.fromkeys(lost, Lost.OTHER_RULE)
