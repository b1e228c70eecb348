"""Cells of exports: no spreadsheet executes what a member has written."""

import csv
from io import StringIO

import pytest

from portal.platform.csv_cells import csv_lines, guard_cell, unguard_text

EXECUTED = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1+1",
    "＋1",
    "－1",
    "＠SUM",
    " =1+1",
    "\u200b=1",
    '"=1+1',
    "\ufeff=1",
    "\u202e=1",
]


@pytest.mark.parametrize("text", EXECUTED)
@pytest.mark.parametrize("before", ["", "Ada;", "Ada; ", 'Ada;"', "Ada\t", "Ada\n", "Ada\r\n", "a;b;c;"])
def test_a_formula_is_text_wherever_a_spreadsheet_begins_a_cell(text: str, before: str) -> None:
    (line,) = csv.reader(StringIO(csv_lines([[before + text, 7]])))
    cells = [part for row in line[0].splitlines() for tab in row.split("\t") for part in tab.split(";")]
    for cell in cells:
        assert not cell.strip(' "\u200b\ufeff\u202e').startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠")), cells
    assert line[1] == "7"
    assert unguard_text(line[0]) == before + text


@pytest.mark.parametrize(
    "value", [-5, 0, None, True, "Ada", "O'Brien", "a-b", "1+1=2", "a@example.com", "x; y", "'quoted'"]
)
def test_other_cells_stay_as_they_are(value: object) -> None:
    assert guard_cell(value) == value
