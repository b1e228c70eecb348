"""Reads answer in rows whose columns have names and types."""

from typing import NamedTuple

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.platform.db.reads import read_all, read_one


class Pair(NamedTuple):
    """A number and a word."""

    number: int
    word: str


PAIRS = text("SELECT * FROM (VALUES (1, 'one'), (2, 'two')) AS v(number, word) WHERE number <= :most ORDER BY number")


def test_rows_are_of_the_type_that_was_asked_for(session: Session) -> None:
    assert read_all(PAIRS, {"most": 2}, Pair) == [Pair(1, "one"), Pair(2, "two")]
    assert read_one(PAIRS, {"most": 2}, Pair) == Pair(1, "one")
    assert isinstance(read_one(PAIRS, {"most": 2}, Pair), Pair)
    assert read_one(PAIRS, {"most": 0}, Pair) is None


def test_without_a_type_they_have_the_names_of_the_columns(session: Session) -> None:
    assert [(row.number, row.word) for row in read_all(PAIRS, {"most": 1})] == [(1, "one")]


@pytest.mark.parametrize("columns", ["'one' AS word, 1 AS number", "1 AS number", "1 AS number, '' AS word, 2 AS x"])
def test_columns_that_do_not_fit_the_type_are_refused(session: Session, columns: str) -> None:
    with pytest.raises(TypeError, match="Pair has the fields"):
        read_all(text(f"SELECT {columns}"), {}, Pair)
