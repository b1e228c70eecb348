"""What an order should have earned, written from the contract alone (8.1, 8.2, 8.5) on top of the naive `evaluate`.

A shop tells states; `told` keeps them as the contract says; `target` is what the kept state earns by a snapshot.
"""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

from tests.earning.naive import (
    Document,
    Line,
    Rules,
    best_spend_rule,
    conversion,
    earned,
    floor,
    holds_but_for_minimum,
    kind_of,
    lines_that_count,
    matching,
    own_net,
    reaches_minimum,
    spread_amount,
    value_of,
)

EARNS = ("paid", "fulfilled")


# --- What a shop tells -------------------------------------------------------------------


def told(stored: Document | None, body: Document, instant: Callable[[str], Any]) -> Document:
    """The state after a body; a stale one changes nothing. Every body here has its `updatedAt`."""
    if stored is None:
        return {**body, "refunds": body.get("refunds") or []}
    if instant(body["updatedAt"]) < instant(stored["updatedAt"]):
        return stored
    if body.get("refunds") is None:
        return {**body, "refunds": stored["refunds"]}
    named = {refund["refundId"] for refund in body["refunds"]}
    newer = [
        refund
        for refund in stored["refunds"]
        if refund["refundId"] not in named and instant(refund["refundedAt"]) > instant(body["updatedAt"])
    ]
    return {**body, "refunds": body["refunds"] + newer}


# --- What remains ------------------------------------------------------------------------


def nets(order: Document) -> dict[str, int]:
    """Each line after its discount and its part of the order's, in the terms of refunds."""
    found = {line["lineId"]: own_net(line) for line in order["lines"]}
    products = [line["lineId"] for line in order["lines"] if kind_of(line) == "product"]
    parts = spread_amount(value_of(order, "discount", 0), [found[line_id] for line_id in products])
    for line_id, part in zip(products, parts, strict=True):
        found[line_id] -= part
    return found


def of_line(order: Document, line_id: str) -> list[Document]:
    """What refunds say of a line."""
    return [item for refund in order["refunds"] for item in value_of(refund, "lines", []) if item["lineId"] == line_id]


def remaining_of_line(order: Document, line: Document, net: int) -> tuple[int, int]:
    """The units and the amount that remain of a line: units are cumulative, the last one takes the rest."""
    quantity = value_of(line, "quantity", 1)
    units, amounts = 0, 0
    for item in of_line(order, line["lineId"]):
        if item.get("quantity") is not None:
            units += item["quantity"]
        elif item.get("amount") is not None:
            amounts += item["amount"]
        else:
            return 0, 0
    units = min(units, quantity)
    back = min(net, floor(Fraction(net * units, quantity)) + amounts)
    if units == quantity or (net > 0 and back == net):
        return 0, 0
    return quantity - units, net - back


def discrepancies(order: Document) -> int:
    """What was refunded for no line, and lowers the basis."""
    return sum(
        refund["amount"]
        for refund in order["refunds"]
        if not refund.get("lines") and value_of(refund, "kind", "discrepancy") == "discrepancy"
    )


def remaining(order: Document, settings: Document) -> list[Line]:
    """The lines of which something remains, each with the share of its basis and the units that do."""
    net = nets(order)
    left = {line["lineId"]: remaining_of_line(order, line, net[line["lineId"]]) for line in order["lines"]}
    products = sum(left[line["lineId"]][1] for line in order["lines"] if kind_of(line) == "product")
    factor = Fraction(max(0, products - discrepancies(order)), products) if products else Fraction(1)
    lines = []
    for line in lines_that_count(order, settings):
        units, amount = left[line.line_id]
        if units == 0 or (line.is_product and amount > 0 and factor == 0):
            continue
        share = Fraction(amount, net[line.line_id]) if net[line.line_id] else Fraction(1)
        share *= factor if line.is_product else 1
        lines.append(replace(line, basis=line.basis * share, quantity=units))
    return lines


# --- What is earned ----------------------------------------------------------------------


def keeps(rule: Document) -> bool:
    """Whether a rule's points, or its threshold, stay until nothing of what it paid for remains."""
    default = "keep_until_zero" if rule["kind"] in ("order", "first_order") else "recompute"
    return bool(value_of(rule, "onPartialRefund", default) == "keep_until_zero")


def pays_still(slug: str, rules: Rules, left: list[Line]) -> bool:
    """Whether something remains of what a rule paid for."""
    if rules[slug]["kind"] == "spend":
        return any(line.basis > 0 and best_spend_rule(rules, line) == slug for line in left)
    return any(line.is_product for line in matching(rules[slug], left))


def target(order: Document, rules: Rules, facts: Document, settings: Document) -> dict[str, int]:
    """The points of each rule for what remains of an order whose snapshot has these rules and facts."""
    if order["status"] not in EARNS or order.get("test") or conversion(order, settings) is None:
        return {}
    whole, left = lines_that_count(order, settings), remaining(order, settings)
    if not order["refunds"]:
        points: dict[str, int] = earned(order, whole, rules, facts, settings)["points"]
        return points
    met = {
        slug: {**rule, "minimumBasis": 0} if keeps(rule) and reaches_minimum(rule, whole) else rule
        for slug, rule in rules.items()
    }
    taking_part = {
        slug: rule
        for slug, rule in met.items()
        if holds_but_for_minimum(rule, order, facts, settings) and reaches_minimum(rule, left)
    }
    now = earned(order, left, met, facts, settings)["points"]
    then = earned(order, whole, rules, facts, settings)["points"]
    kept = {slug: n for slug, n in then.items() if keeps(rules[slug]) and pays_still(slug, taking_part, left)}
    return {slug: n for slug, n in now.items() if not keeps(rules[slug])} | kept
