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
    conversion,
    earned,
    floor,
    kind_of,
    lines_that_count,
    matching,
    own_net,
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
    """Whether a rule's flat points stay until nothing remains."""
    return rule["kind"] in ("order", "first_order") and (
        value_of(rule, "onPartialRefund", "keep_until_zero") == "keep_until_zero"
    )


def target(order: Document, rules: Rules, facts: Document, settings: Document) -> dict[str, int]:
    """The points of each rule for what remains of an order whose snapshot has these rules and facts."""
    if order["status"] not in EARNS or order.get("test") or conversion(order, settings) is None:
        return {}
    left = remaining(order, settings)
    points = {
        slug: given
        for slug, given in earned(order, left, rules, facts, settings)["points"].items()
        if not keeps(rules[slug])
    }
    whole = earned(order, lines_that_count(order, settings), rules, facts, settings)["points"]
    for slug, given in whole.items():
        if keeps(rules[slug]) and any(line.is_product for line in matching(rules[slug], left)):
            points[slug] = given
    return points
