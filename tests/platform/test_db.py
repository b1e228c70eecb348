"""The engine."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session


def test_errors_do_not_show_what_the_statement_was_given(session: Session) -> None:
    with pytest.raises(DBAPIError) as error:
        session.execute(text("SELECT CAST(:hash AS text), 1 / CAST(:zero AS int)"), {"hash": "$argon2id$x", "zero": 0})
    assert "argon2id" not in str(error.value)
