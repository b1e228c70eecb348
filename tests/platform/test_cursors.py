"""Cursors: opaque, signed and bound to their list."""

import pytest
from sqlalchemy.orm import Session

from portal.platform.db import cursors


def test_a_cursor_gives_its_position_back_to_its_own_list_only(session: Session) -> None:
    cursor = cursors.encode(42, "ledger", "ada", ["order"])
    assert cursors.decode(cursor, "ledger", "ada", ["order"]) == 42
    for scope in (("ledger", "ben", ["order"]), ("ledger", "ada", []), ("redemptions", "ada", ["order"])):
        with pytest.raises(cursors.InvalidCursor):
            cursors.decode(cursor, *scope)


def test_an_edited_cursor_is_refused(session: Session) -> None:
    cursor = cursors.encode(42, "ledger")
    for bad in ("", "x", cursor[:-1], "A" + cursor, cursor + "A", "é"):
        with pytest.raises(cursors.InvalidCursor):
            cursors.decode(bad, "ledger")


def test_no_cursor_is_the_beginning(session: Session) -> None:
    assert cursors.decode(None, "ledger") is None
