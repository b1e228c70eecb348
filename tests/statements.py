"""Counting the statements behind an answer."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.orm import Session

from portal.platform.db import reads

IGNORED = ("SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN", "COMMIT")


@contextmanager
def counted(session: Session) -> Iterator[list[str]]:
    """The statements sent on the test's connection inside the block, savepoints left out."""
    connection = session.get_bind()
    assert isinstance(connection, Connection)
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.lstrip().startswith(IGNORED):
            sent.append(statement)

    run = reads._run_on

    def noted(on: Connection, sql: str, *arguments: Any) -> Any:
        sent.append(sql)
        return run(on, sql, *arguments)

    event.listen(connection, "before_cursor_execute", note)
    reads._run_on = noted
    try:
        yield sent
    finally:
        reads._run_on = run
        event.remove(connection, "before_cursor_execute", note)
