"""Reads a file of members as CSV, line by line; refuses it with the number of the faulty line."""

import _csv
import codecs
import csv
from collections.abc import Iterator
from typing import BinaryIO

from portal.platform.formatting import grouped
from portal.platform.problems import DomainError

MAX_LINE_LENGTH = 65_536
DELIMITERS = ",;\t|"
COLUMNS = {
    "user_id": "the shop's own id of the user; needed in every row",
    "email": "needed for a new user",
    "name": "needed for a new user, 120 characters at most",
    "phone_number": "international, such as +4915112345678",
    "timezone": "IANA name, such as Europe/Berlin",
    "locale": "such as de-DE",
    "birthday": "month and day without the year, such as 12-31",
    "marketing_messages": "yes or no: whether they agreed to marketing",
    "points": "the opening balance, a whole number; empty: none",
    "expires_at": "2027-12-31 (end of that day), 2027-12-31T12:00:00+00:00, or never; empty: by the programme's rule",
    "row_key": "makes the row's points be credited once; empty: one opening balance for a member, ever",
}


class FileRefused(DomainError):
    """The file as a whole cannot be read; the message names the faulty line, if it is one."""

    code = "file_refused"
    status = 422
    title = "This file cannot be read"


def read_rows(stream: BinaryIO, most: int) -> Iterator[tuple[int, dict[str, str] | str]]:
    """Each row that is not blank: the number of its first line, and its cells by column or what is wrong with it.

    Accepts UTF-8 with or without a BOM, any newline, and commas, semicolons, tabs or bars as delimiters.

    :raises FileRefused: if the file is empty, not CSV, not UTF-8, or has wrong columns or more than `most` rows.
    """
    lines = _lines(stream)
    heads = next(lines, "")
    delimiter = max(DELIMITERS, key=lambda mark: len(_known(heads.split(mark))))
    columns = _columns(heads, delimiter)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    count, first = 0, 2
    while (cells := _next(reader, first)) is not None:
        if any(cell.strip() for cell in cells):
            count += 1
            if count > most:
                raise FileRefused(f"There are more than {grouped(most)} rows: split the file.")
            yield first, _by_column(columns, cells)
        first = reader.line_num + 2
    if not count:
        raise FileRefused("There are no rows below the names of the columns.")


def _lines(stream: BinaryIO) -> Iterator[str]:
    """The lines as text; reads no more of a line than its maximum length."""
    number = 0
    while raw := stream.readline(MAX_LINE_LENGTH + 1):
        number += 1
        if number == 1:
            if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                raise FileRefused("The file is written in UTF-16: save it as CSV in UTF-8.")
            raw = raw.removeprefix(codecs.BOM_UTF8)
        if len(raw) > MAX_LINE_LENGTH:
            longest = grouped(MAX_LINE_LENGTH)
            raise FileRefused(f"Line {number} is longer than {longest} characters: is a quotation mark missing?")
        try:
            yield raw.decode()
        except UnicodeDecodeError as error:
            raise FileRefused(f"Line {number} is not written in UTF-8: save the file as CSV in UTF-8.") from error


def _columns(heads: str, delimiter: str) -> list[str]:
    if not heads.strip():
        raise FileRefused("The file is empty, or does not begin with the names of its columns.")
    names = [_plain(head) for head in _next(csv.reader([heads], delimiter=delimiter, strict=True), 1) or ()]
    unknown = sorted({name[:40] or "(empty)" for name in names if name not in COLUMNS})
    if unknown:
        raise FileRefused(f"Line 1 names columns that are not known: {', '.join(unknown[:5])}.")
    if len(set(names)) != len(names):
        raise FileRefused("Line 1 names a column twice.")
    if "user_id" not in names:
        raise FileRefused("Line 1 does not name the column user_id.")
    return names


def _next(reader: "_csv.Reader", first: int) -> list[str] | None:
    """The cells of the row that begins in line `first`, None at the end."""
    try:
        return next(reader, None)
    except csv.Error as error:
        raise FileRefused(f"The row that begins in line {first} is no CSV: {error}.") from error


def _by_column(columns: list[str], cells: list[str]) -> dict[str, str] | str:
    if len(cells) != len(columns):
        return f"row: has {len(cells)} cells, and line 1 names {len(columns)} columns"
    return dict(zip(columns, (cell.strip() for cell in cells), strict=True))


def _known(heads: list[str]) -> set[str]:
    return {_plain(head) for head in heads} & COLUMNS.keys()


def _plain(head: str) -> str:
    return head.strip().strip('"').strip().lower().replace(" ", "_").replace("-", "_")
