"""Refunds and whole states of orders that hypothesis draws, as documents of the API."""

from typing import Any

from hypothesis import strategies as st

from tests.earning import drawn

Document = dict[str, Any]
KEPT = st.sampled_from(["recompute", "keep_until_zero"])


@st.composite
def rules(draw: st.DrawFn) -> Document:
    """A rule of orders, which may say what a partial refund leaves of it."""
    document = draw(drawn.rules())
    kept = draw(st.none() | KEPT)
    return document if kept is None else {**document, "onPartialRefund": kept}


@st.composite
def parts(draw: st.DrawFn, line: Document) -> Document:
    """What a refund says of a line: units, an amount, or the rest."""
    how = draw(
        st.one_of(
            st.just({}),
            st.builds(lambda n: {"quantity": n}, st.integers(1, 5)),
            st.builds(lambda n: {"amount": n}, st.integers(0, 1 + line["amount"])),
        )
    )
    return {"lineId": line["lineId"], **how}


@st.composite
def refunds(draw: st.DrawFn, lines: list[Document], most: int = 4) -> list[Document]:
    """Refunds of these lines, and of none, each with another id."""
    found = []
    for number in range(draw(st.integers(0, most))):
        if draw(st.booleans()):
            named = draw(st.lists(st.sampled_from(lines), min_size=1, max_size=3))
            refund: Document = {"lines": [draw(parts(line)) for line in named]}
        else:
            refund = {"amount": draw(st.integers(0, 9_000))}
            kind = draw(st.none() | st.sampled_from(["discrepancy", "discrepancy", "goodwill", "shipping", "fee"]))
            refund |= {} if kind is None else {"kind": kind}
        found.append({"refundId": f"r{number}", **refund})
    return found
