"""A member's balance as a drawing: each lot a bar from the day it was opened to the day it expires.

The height of a bar is the lot's original points; the filled part is free, the hatched part on hold. All numbers are
percentages of the drawing's width or of a bar's height, so that it fits any screen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from uuid import UUID

from portal.desk.reads import HoldRow, LotRow
from portal.desk.sentences import explain_hold, explain_lot

NARROWEST = 1.5
FLATTEST = 6.0
ROOM_AFTER = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Bar:
    """A lot: its position in time, and how much of it is free and on hold, in percent."""

    lot: LotRow
    sentence: str
    x: float
    width: float
    free: float
    held: float


@dataclass(frozen=True, slots=True)
class Drawing:
    """Bars from `begins` to `ends`; `now` is the position of the current time. `further` points are not drawn."""

    bars: list[Bar]
    begins: datetime
    ends: datetime
    now: float
    further: int


@dataclass(frozen=True, slots=True)
class Hold:
    """An open request and what it holds."""

    id: UUID
    points: int
    sentence: str
    requested_at: datetime
    expires_at: datetime


def draw(lots: Sequence[LotRow], balance: int, now: datetime, most: int) -> Drawing | None:
    """Draw the first `most` lots of a balance; None if there are no lots."""
    shown = lots[:most]
    if not shown:
        return None
    begins: datetime = min(now, *(lot.opened_at for lot in shown))
    known = [lot.expires_at for lot in shown if lot.expires_at is not None]
    ends: datetime = max(now, *known, begins) + ROOM_AFTER
    length = ends - begins

    def place(moment: datetime) -> float:
        return round(100 * ((moment - begins) / length), 3)

    bars = [_bar(lot, place(lot.opened_at), place(lot.expires_at) if lot.expires_at else 100.0) for lot in shown]
    return Drawing(bars, begins, ends, place(now), balance - sum(lot.remaining for lot in shown))


def _bar(lot: LotRow, begins: float, ends: float) -> Bar:
    width = max(ends - begins, NARROWEST)
    free, held = (_share(points, lot.points) for points in (lot.remaining - lot.held, lot.held))
    return Bar(lot, explain_lot(lot), min(begins, 100 - width), width, min(free, 100 - held), held)


def _share(points: int, whole: int) -> float:
    """The height for some points of a lot, with a minimum so that few points are still visible."""
    return max(round(100 * points / whole, 2), FLATTEST) if points else 0.0


def describe_holds(rows: Sequence[HoldRow]) -> list[Hold]:
    """Each open request with its sentence, from the rows of its lots."""
    found = []
    for _, group in groupby(rows, key=lambda row: row.id):
        parts = list(group)
        first = parts[0]
        found.append(Hold(first.id, first.points, explain_hold(parts), first.requested_at, first.hold_expires_at))
    return found
