"""Cells of CSV files, written so that no spreadsheet executes them, and read back unchanged."""

import csv
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from io import StringIO
from uuid import UUID

from portal.platform import ids

# A spreadsheet treats a text that begins with one of these as a formula (OWASP, CSV injection); in some languages the
# full-width forms too. Where semicolons or tabs separate cells, a new cell begins after each, and after a line break.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_CELL_START = r"(^|[;\t\r\n])"
_FORMULA = r"""(?=[ \u00a0\u3000"\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]*[=+\-@＝＋－＠])"""
_EXECUTED = re.compile(_CELL_START + _FORMULA)
_GUARDED = re.compile(_CELL_START + "'" + _FORMULA)


def guard_cell(value: object) -> object:
    """The value as a cell that no spreadsheet executes; numbers stay numbers, times are RFC 3339."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return ids.encode(value)
    if isinstance(value, list | tuple):
        value = " ".join(str(part) for part in value)
    return guard_text(value) if isinstance(value, str) else value


def guard_text(value: str) -> str:
    """The text with an apostrophe wherever a spreadsheet may treat what follows as a formula."""
    guarded = _EXECUTED.sub(r"\1'", value)
    return f"'{guarded}" if guarded.startswith(FORMULA_STARTS) else guarded


def unguard_text(value: str) -> str:
    """The text without the apostrophes that `guard_text` added."""
    bare = value[1:] if value.startswith("'") and value[1:].startswith(FORMULA_STARTS) else value
    return _GUARDED.sub(r"\1", bare)


def csv_lines(rows: Iterable[Sequence[object]]) -> str:
    """Rows as lines of CSV, each cell guarded."""
    lines = StringIO()
    csv.writer(lines).writerows([guard_cell(value) for value in row] for row in rows)
    return lines.getvalue()
