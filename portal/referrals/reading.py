"""Reads as last committed, or as they are in a transaction that has changed something."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import TextClause
from sqlalchemy.orm import Session

from portal.core.reads import read_all


def rows_of(statement: TextClause, values: dict[str, Any], session: Session | None) -> Sequence[Any]:
    """All rows of a read: outside any transaction, or within that of `session`."""
    return read_all(statement, values) if session is None else session.execute(statement, values).all()
