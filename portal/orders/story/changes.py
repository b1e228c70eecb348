"""What a state of an order changed against the one before, in words. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from portal.orders.state import OrderInput, OrderLine, OrderTender
from portal.orders.story.reads import StateRow
from portal.platform.documents import Document
from portal.platform.formatting import format_exact, format_money, grouped, reader_locale, reader_zone

MAX_LINES_NAMED = 8
NOTHING_SAID = "none"
AS_BEFORE = "Nothing that the shop said changed."
# What refunds say of themselves; the rest is what we noted beside it.
_TOLD_OF_REFUND = ("lines", "amount", "kind", "restore", "reason", "refundedAt")


def tell_changes(state: StateRow, before: StateRow | None) -> list[str]:
    """What changed, a sentence each; of the first state, what came in."""
    order = OrderInput.model_validate(state.content)
    if before is None:
        return [_first(order), *_owner(state, None), *_refunds(state, None)]
    older = OrderInput.model_validate(before.content)
    said = [*_owner(state, before), *_fields(order, older), *_lines(order, older), *_refunds(state, before)]
    return said or [AS_BEFORE]


def _first(order: OrderInput) -> str:
    what = "a test order" if order.test else "an order"
    return f"First told, as {what} that is {order.status} and has {_count(len(order.lines), 'line')}."


def _owner(state: StateRow, before: StateRow | None) -> Iterator[str]:
    old = before.user_id if before else None
    if state.user_id != old:
        if old is None:
            yield f"It belongs to {state.user_id}."
        else:
            yield f"It went from {old} to {state.user_id or 'nobody'}."


def _fields(order: OrderInput, older: OrderInput) -> Iterator[str]:
    money = partial(_money, currency=order.currency)

    def tenders(paid: Sequence[OrderTender]) -> str:
        return ", ".join(f"{money(each.amount)} by {each.kind.replace('_', ' ')}" for each in paid)

    words: dict[str, tuple[str, Callable[[Any], str]]] = {
        "status": ("The status", str),
        "currency": ("The currency", str),
        "exchange_rate": ("The exchange rate", str),
        "discount": ("The discount of the whole order", money),
        "tenders": ("How it was paid", tenders),
        "channel": ("The channel", str),
        "referral_code": ("The referral code", str),
        "placed_at": ("When it was placed", _exact),
        "paid_at": ("When it was paid", _exact),
        "fulfilled_at": ("When it was fulfilled", _exact),
        "tax_included": ("Tax as a part of amounts", lambda value: "yes" if value else "no"),
        "test": ("Being a test order", lambda value: "yes" if value else "no"),
    }
    for name, (label, tell) in words.items():
        new, old = getattr(order, name), getattr(older, name)
        if new != old:
            yield f"{label} went from {_said(old, tell)} to {_said(new, tell)}."


def _said(value: Any, tell: Callable[[Any], str]) -> str:
    return NOTHING_SAID if value is None or value == [] else tell(value)


def _lines(order: OrderInput, older: OrderInput) -> list[str]:
    now = {line.line_id: line for line in order.lines}
    then = {line.line_id: line for line in older.lines}
    said = [f"Line {key} is new: {_whole(now[key], order.currency)}." for key in now if key not in then]
    said += [f"Line {key} is gone." for key in then if key not in now]
    for key, line in now.items():
        if key in then and line != then[key]:
            said.append(f"Line {key}: {', '.join(_parts(line, then[key], order.currency))}.")
    return [*said[:MAX_LINES_NAMED], *_others(len(said) - MAX_LINES_NAMED)]


def _others(number: int) -> list[str]:
    return [f"{_count(number, 'more line')} changed."] if number > 0 else []


def _whole(line: OrderLine, currency: str) -> str:
    what = line.sku or line.product_id or line.kind.replace("_", " ")
    return f"{grouped(line.quantity)} × {what} for {_money(line.amount, currency)}"


def _parts(line: OrderLine, older: OrderLine, currency: str) -> Iterator[str]:
    for name in ("amount", "discount", "tax"):
        new, old = getattr(line, name), getattr(older, name)
        if new != old:
            yield f"{name} from {_money(old, currency)} to {_money(new, currency)}"
    for name in ("quantity", "kind", "sku", "product_id", "categories"):
        new, old = getattr(line, name), getattr(older, name)
        if new != old:
            label = "product" if name == "product_id" else name
            yield f"{label} from {_value(old)} to {_value(new)}"


def _money(amount: int, currency: str) -> str:
    return format_money(amount, currency, reader_locale())


def _value(value: Any) -> str:
    if isinstance(value, int):
        return grouped(value)
    if isinstance(value, list):
        return ", ".join(value) or NOTHING_SAID
    return NOTHING_SAID if value is None else str(value).replace("_", " ")


def _refunds(state: StateRow, before: StateRow | None) -> list[str]:
    now, then = _by_id(state.refunds), _by_id(before.refunds) if before else {}
    said = [f"Refund {key} is new." for key in now if key not in then]
    said += [f"Refund {key} was undone." for key in then if key not in now]
    return said + [f"Refund {key} changed." for key in now if key in then and now[key] != then[key]]


def _by_id(refunds: Sequence[Document]) -> Mapping[str, list[Any]]:
    return {each["refundId"]: [each.get(name) for name in _TOLD_OF_REFUND] for each in refunds}


def _exact(moment: datetime) -> str:
    return format_exact(moment, reader_zone())


def _count(number: int, what: str) -> str:
    return f"{grouped(number)} {what}{'' if number == 1 else 's'}"
