"""A naive second implementation of how an order earns points, written from the contract alone (8.2, 8.3).

It is what `evaluate` is compared with: clarity over speed, integers and fractions only, straight from the documents.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from babel.numbers import get_currency_precision

Document = dict[str, Any]
Rules = dict[str, Document]
Number = int | Fraction


@dataclass
class Line:
    """A line that counts, with its basis in the programme's smallest unit."""

    line_id: str
    is_product: bool
    product: str | None
    sku: str | None
    categories: list[str]
    quantity: int
    discounted: bool
    basis: Fraction


@dataclass
class Grant:
    """What a rule would give before its caps: the points and the weight of each of its lines."""

    points: int
    weights: dict[str, Fraction]
    exact: Fraction
    basis: Fraction = Fraction(0)


# --- Spreading ---------------------------------------------------------------------------


def largest_remainder(total: int, weights: Sequence[Number]) -> list[int]:
    """Spread total over the weights in whole units; ties go to the earlier place.

    When all weights are 0 the first place takes all.
    """
    weight_sum = sum((Fraction(weight) for weight in weights), Fraction(0))
    if weight_sum == 0:
        return [total if place == 0 else 0 for place in range(len(weights))]
    quotas = [total * Fraction(weight) / weight_sum for weight in weights]
    shares = [floor(quota) for quota in quotas]
    # sorted() is stable: equal remainders keep their order.
    by_remainder = sorted(range(len(weights)), key=lambda place: shares[place] - quotas[place])
    for place in by_remainder[: total - sum(shares)]:
        shares[place] += 1
    return shares


def spread_amount(total: int, amounts: Sequence[int]) -> list[int]:
    """Spread an amount of money over amounts, never more than there is."""
    return largest_remainder(min(total, sum(amounts)), amounts)


def floor(value: Number) -> int:
    """The greatest integer that is not above value."""
    fraction = Fraction(value)
    return fraction.numerator // fraction.denominator


# --- Fields with defaults ----------------------------------------------------------------


def value_of(document: Document, key: str, default: Any) -> Any:
    """A field of a document, or its default when it is missing or null."""
    value = document.get(key)
    return default if value is None else value


def kind_of(line: Document) -> str:
    """The kind of a line of the order."""
    return value_of(line, "kind", "product")


# --- The basis of lines ------------------------------------------------------------------


def conversion(order: Document, settings: Document) -> Fraction | None:
    """Programme's smallest units per smallest unit of the order; None when unknown."""
    if order["currency"] == settings["currency"]:
        return Fraction(1)
    rate = order.get("exchangeRate")
    if rate is None:
        return None
    order_units = 10 ** get_currency_precision(order["currency"])
    programme_units = 10 ** get_currency_precision(settings["currency"])
    return Fraction(rate) * programme_units / order_units


def tender_sum(order: Document, kind: str) -> int:
    """What was paid with one kind of tender."""
    return sum(tender["amount"] for tender in value_of(order, "tenders", []) if tender["kind"] == kind)


def own_net(line: Document) -> int:
    """A line after its own discount."""
    return max(0, line["amount"] - value_of(line, "discount", 0))


def cost_of(net: int, line: Document, order: Document) -> int:
    """What a line costs with its tax, from what it costs after discounts."""
    if value_of(order, "taxIncluded", True):
        return net
    return net + value_of(line, "tax", 0)


def counted_without_tax(counted: int, cost: int, tax: int) -> Fraction:
    """The share of the counted part that is not tax."""
    if cost == 0:
        return Fraction(0)
    return Fraction(counted * max(0, cost - tax), cost)


def basis_of_lines(order: Document, settings: Document) -> dict[str, Fraction]:
    """The basis of each line that counts, in the order's smallest unit."""
    products = [line for line in order["lines"] if kind_of(line) == "product"]

    # Discounts.
    nets = [own_net(line) for line in products]
    discounts = spread_amount(value_of(order, "discount", 0), nets)
    nets = [net - discount for net, discount in zip(nets, discounts, strict=True)]

    # Tenders that do not count.
    costs = [cost_of(net, line, order) for net, line in zip(nets, products, strict=True)]
    counted = list(costs)
    if not settings["earnOnPointsPart"]:
        parts = spread_amount(tender_sum(order, "points"), counted)
        counted = [rest - part for rest, part in zip(counted, parts, strict=True)]
    if not settings["earnOnGiftCardPart"]:
        parts = spread_amount(tender_sum(order, "gift_card"), counted)
        counted = [rest - part for rest, part in zip(counted, parts, strict=True)]

    # (line, cost, what of it counts) of all lines that count.
    counting = list(zip(products, costs, counted, strict=True))
    if settings["earnOnShipping"]:
        for line in order["lines"]:
            if kind_of(line) == "shipping":
                cost = cost_of(own_net(line), line, order)
                counting.append((line, cost, cost))

    bases: dict[str, Fraction] = {}
    for line, cost, part in counting:
        if settings["earnOnTax"]:
            bases[line["lineId"]] = Fraction(part)
        else:
            bases[line["lineId"]] = counted_without_tax(part, cost, value_of(line, "tax", 0))
    return bases


def lines_that_count(order: Document, settings: Document) -> list[Line]:
    """The lines that count, in the order's sequence, in the programme's currency."""
    rate = conversion(order, settings)
    bases = basis_of_lines(order, settings)
    lines = []
    for line in order["lines"]:
        if line["lineId"] not in bases:
            continue
        lines.append(
            Line(
                line_id=line["lineId"],
                is_product=kind_of(line) == "product",
                product=line.get("productId"),
                sku=line.get("sku"),
                categories=value_of(line, "categories", []),
                quantity=value_of(line, "quantity", 1),
                discounted=value_of(line, "discount", 0) > 0,
                basis=Fraction(0) if rate is None else bases[line["lineId"]] * rate,
            )
        )
    return lines


# --- Which rules take part, and for which lines ------------------------------------------


def is_excluded(rule: Document, line: Line) -> bool:
    """Whether an exclusion of the rule hits the line."""
    if line.product in value_of(rule, "excludeProducts", []):
        return True
    if line.sku in value_of(rule, "excludeSkus", []):
        return True
    if any(category in value_of(rule, "excludeCategories", []) for category in line.categories):
        return True
    return bool(value_of(rule, "excludeDiscounted", False)) and line.discounted


def specificity(rule: Document, line: Line) -> int | None:
    """How specifically the rule matches the line; None when it does not match."""
    products = value_of(rule, "products", [])
    skus = value_of(rule, "skus", [])
    categories = value_of(rule, "categories", [])
    if is_excluded(rule, line):
        return None
    if line.sku in skus:
        return 3
    if line.product in products:
        return 2
    if any(category in categories for category in line.categories):
        return 1
    if not products and not skus and not categories:
        return 0
    return None


def matching(rule: Document, lines: list[Line]) -> list[Line]:
    """The lines the rule matches."""
    return [line for line in lines if specificity(rule, line) is not None]


def in_time(rule: Document, placed_at: datetime) -> bool:
    """Whether from <= placedAt < until."""
    if rule.get("from") is not None and placed_at < datetime.fromisoformat(rule["from"]):
        return False
    return rule.get("until") is None or placed_at < datetime.fromisoformat(rule["until"])


def on_weekday(rule: Document, placed_at: datetime, timezone: str) -> bool:
    """Whether the order was placed on one of the rule's weekdays, where the programme is."""
    weekdays = value_of(rule, "weekdays", [])
    return not weekdays or placed_at.astimezone(ZoneInfo(timezone)).isoweekday() in weekdays


def for_tier(rule: Document, tier: str | None) -> bool:
    """Whether the rule is for a member of this tier (None: without tier)."""
    tiers = value_of(rule, "tiers", [])
    if tiers and tier not in tiers:
        return False
    return tier not in value_of(rule, "notTiers", [])


def for_value(allowed: list[str], value: str | None) -> bool:
    """Whether a list that may be empty (everything) allows the value."""
    return not allowed or value in allowed


def holds_but_for_minimum(rule: Document, order: Document, facts: Document, settings: Document) -> bool:
    """Whether every condition of the rule holds, minimumBasis aside."""
    placed_at = datetime.fromisoformat(order["placedAt"])
    return (
        value_of(rule, "active", True)
        and in_time(rule, placed_at)
        and on_weekday(rule, placed_at, settings["timezone"])
        and for_tier(rule, facts.get("tier"))
        and for_value(value_of(rule, "channels", []), order.get("channel"))
        and for_value(value_of(rule, "currencies", []), order["currency"])
    )


def reaches_minimum(rule: Document, lines: list[Line]) -> bool:
    """Whether the bases of the rule's matching lines together reach its minimumBasis."""
    total = sum((line.basis for line in matching(rule, lines)), Fraction(0))
    return total >= value_of(rule, "minimumBasis", 0)


# --- What a rule would grant before caps -------------------------------------------------


def best_spend_rule(rules: Rules, line: Line) -> str | None:
    """The slug of the one base rule of a line."""
    candidates = []
    for slug, rule in rules.items():
        how = specificity(rule, line)
        if rule["kind"] == "spend" and how is not None:
            candidates.append((-how, -value_of(rule, "priority", 0), slug))
    if not candidates:
        return None
    return min(candidates)[2]


def multiplier_of(rules: Rules, line: Line, tier_multiplier: str | None) -> Fraction:
    """The best multiplier that does not stack, times every one that stacks."""
    alone = []
    stacked = Fraction(1)
    if tier_multiplier is not None:
        alone.append(Fraction(tier_multiplier))
    for rule in rules.values():
        if rule["kind"] != "multiplier" or specificity(rule, line) is None:
            continue
        if value_of(rule, "stacks", False):
            stacked *= Fraction(rule["multiplier"])
        else:
            alone.append(Fraction(rule["multiplier"]))
    best = max(alone) if alone else Fraction(1)
    return best * stacked


def spend_grant(slug: str, rules: Rules, lines: list[Line], facts: Document) -> Grant:
    """Points for the basis of the lines whose base rule this is."""
    rule = rules[slug]
    own = [line for line in lines if best_spend_rule(rules, line) == slug]
    total = sum((line.basis for line in own), Fraction(0))
    weights: dict[str, Fraction] = {}
    for line in own:
        if value_of(rule, "step", "proportional") == "proportional":
            points = line.basis * rule["points"] / rule["perAmount"]
        elif total == 0:
            points = Fraction(0)
        else:
            steps = floor(total / rule["perAmount"])
            points = steps * rule["points"] * line.basis / total
        weights[line.line_id] = points * multiplier_of(rules, line, facts.get("tierMultiplier"))
    exact = sum(weights.values(), Fraction(0))
    return Grant(floor(exact), weights, exact, total)


def item_grant(rule: Document, lines: list[Line]) -> Grant:
    """Points for each unit of the matching product lines."""
    weights: dict[str, Fraction] = {}
    for line in matching(rule, lines):
        if line.is_product:
            weights[line.line_id] = Fraction(line.quantity)
    points = rule["points"] * floor(sum(weights.values(), Fraction(0)))
    return Grant(points, weights, Fraction(points))


def once_grant(rule: Document, lines: list[Line]) -> Grant:
    """Points once, when a product line matches."""
    own = matching(rule, lines)
    if not any(line.is_product for line in own):
        return Grant(0, {}, Fraction(0))
    return Grant(rule["points"], {line.line_id: line.basis for line in own}, Fraction(rule["points"]))


def grant_before_caps(slug: str, rules: Rules, lines: list[Line], facts: Document) -> Grant | None:
    """What a rule that takes part grants before caps; None for multipliers.

    A first order is judged as if its entitlement were free.
    """
    rule = rules[slug]
    if rule["kind"] == "spend":
        return spend_grant(slug, rules, lines, facts)
    if rule["kind"] == "item":
        return item_grant(rule, lines)
    if rule["kind"] in ("order", "first_order"):
        return once_grant(rule, lines)
    return None


def entitlement_used_up(rule: Document, facts: Document) -> bool:
    """Whether the rule is for first orders and the member has had theirs."""
    return rule["kind"] == "first_order" and not facts["firstOrder"]


# --- Caps --------------------------------------------------------------------------------


def capped(points: int, slug: str, rule: Document, facts: Document) -> int:
    """What is left of a rule's points: per order, per member, programme."""
    room = value_of(value_of(facts, "room", {}), slug, {})
    limits = value_of(rule, "limits", {})
    if limits.get("perOrder") is not None:
        points = min(points, limits["perOrder"])
    if room.get("memberPoints") is not None:
        points = min(points, room["memberPoints"])
    if room.get("memberTimes") is not None and room["memberTimes"] <= 0:
        points = 0
    if room.get("programme") is not None:
        points = min(points, room["programme"])
    return max(0, points)


# --- Why nothing -------------------------------------------------------------------------


def failed_by_minimum(rule: Document, lines: list[Line]) -> bool:
    """Whether the rule has lines, but not enough of them (its other conditions hold)."""
    own = matching(rule, lines)
    if rule["kind"] in ("item", "order", "first_order") and not any(line.is_product for line in own):
        return False
    return bool(own) and not reaches_minimum(rule, lines)


def reason_for_nothing(holding: Rules, grants: dict[str, Grant], lines: list[Line], facts: Document) -> str:
    """The first reason that fits an order that earns nothing."""
    if not any(line.is_product for line in lines):
        return "nothing_eligible"
    granting = [slug for slug, grant in grants.items() if grant.points > 0]
    free = [slug for slug in granting if not entitlement_used_up(holding[slug], facts)]
    if all(line.basis == 0 for line in lines) and not free:
        return "nothing_eligible"

    if granting:
        return "limit_reached"

    if any(failed_by_minimum(rule, lines) for rule in holding.values()):
        return "below_minimum"
    for slug, grant in grants.items():
        if holding[slug]["kind"] == "spend" and grant.basis > 0 and grant.exact < 1:
            return "below_minimum"

    return "no_rule"


# --- The whole ---------------------------------------------------------------------------


def spread_points(points: int, weights: dict[str, Fraction]) -> dict[str, int]:
    """A rule's points on its lines; lines that get none are left out."""
    shares = largest_remainder(points, list(weights.values()))
    return {line_id: share for line_id, share in zip(weights, shares, strict=True) if share > 0}


def naive(order: Document, rules: Rules, facts: Document, settings: Document) -> Document:
    """How a paid order earns: its basis, points by rule, points by rule and line, reasons."""
    if conversion(order, settings) is None:
        return {"basis": Fraction(0), "points": {}, "lines": {}, "reasons": ["currency_not_converted"]}
    return earned(order, lines_that_count(order, settings), rules, facts, settings)


def earned(order: Document, lines: list[Line], rules: Rules, facts: Document, settings: Document) -> Document:
    """As `naive`, from these lines of the order."""
    holding = {
        slug: rule for slug, rule in sorted(rules.items()) if holds_but_for_minimum(rule, order, facts, settings)
    }
    taking_part = {slug: rule for slug, rule in holding.items() if reaches_minimum(rule, lines)}

    grants: dict[str, Grant] = {}
    for slug in taking_part:
        grant = grant_before_caps(slug, taking_part, lines, facts)
        if grant is not None:
            grants[slug] = grant

    points: dict[str, int] = {}
    points_of_lines: dict[str, dict[str, int]] = {}
    for slug, grant in grants.items():
        if entitlement_used_up(rules[slug], facts):
            continue
        granted = capped(grant.points, slug, rules[slug], facts)
        if granted > 0:
            points[slug] = granted
            points_of_lines[slug] = spread_points(granted, grant.weights)

    reasons: list[str] = []
    if not points:
        reasons.append(reason_for_nothing(holding, grants, lines, facts))

    return {
        "basis": sum((line.basis for line in lines), Fraction(0)),
        "points": points,
        "lines": points_of_lines,
        "reasons": reasons,
    }
