"""Months in the form `2026-03`, in gapless sequences."""

from collections.abc import Iterator, Sequence
from datetime import date

from portal.platform.documents import Document


def add_months(month: date, months: int) -> date:
    """The first day of the month that is `months` after this one, or before it if negative."""
    years, index = divmod(month.month - 1 + months, 12)
    return date(month.year + years, index + 1, 1)


def months_between(first: str, last: str) -> Iterator[str]:
    """Every month from the first to the last."""
    month = date.fromisoformat(f"{first}-01")
    while f"{month:%Y-%m}" <= last:
        yield f"{month:%Y-%m}"
        month = add_months(month, 1)


def with_every_month(rows: Sequence[Document], begin: date) -> list[Document]:
    """A forecast's rows with every month from that of `begin` on, even empty ones; points without expiry are last."""
    kept = {row["month"]: row for row in rows if row["month"] is not None}
    if not rows:
        return []
    first = min([*kept, f"{begin:%Y-%m}"])
    every = [kept.get(month) or _nothing(month) for month in months_between(first, max(kept, default=""))]
    return [*every, *(row for row in rows if row["month"] is None)]


def _nothing(month: str) -> Document:
    return {"month": month, "lots": 0, "points": 0, "held": 0}
