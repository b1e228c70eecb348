"""Verification one check at a time; each result is stored for operators to read."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.ledger.verify import CHECKS
from portal.platform import clock, ids
from portal.platform.db.reads import read_all
from portal.platform.documents import Document, to_json

MAX_KEPT = 100
SECONDS = 600

_KEEP = text("""
    INSERT INTO ledger_checks (slot, check_name, checked_at, differences, examples)
    VALUES (:slot, :name, :now, :differences, CAST(:examples AS jsonb))
    ON CONFLICT (slot, check_name) DO UPDATE SET checked_at = excluded.checked_at,
        differences = excluded.differences, examples = excluded.examples
""")
_LAST = text("""
    SELECT slot, check_name, checked_at, differences, examples FROM ledger_checks
    WHERE slot = (SELECT max(slot) FROM ledger_checks) ORDER BY differences = 0, check_name
""")


class KeptCheck(NamedTuple):
    """The stored result of a check, with the first of its differences."""

    slot: datetime
    check_name: str
    checked_at: datetime
    differences: int
    examples: list[Document]


class _Found(NamedTuple):
    """A difference and the total number of them; the member is None if it concerns none."""

    member_id: UUID | None
    user_id: str | None
    stored: int
    recomputed: int
    total: int


def keep_check(session: Session, slot: datetime, name: str) -> int:
    """Run a check and store the number of differences, with the first of them; returns that number.

    A check is one statement, so that concurrent writes cannot look like differences.
    """
    session.execute(text(f"SET LOCAL statement_timeout = '{SECONDS}s'"))
    rows = session.execute(
        text(f"""
            SELECT d.member_id, m.user_id, d.stored, d.recomputed, count(*) OVER () AS total
            FROM ({CHECKS[name]}) d(member_id, stored, recomputed)
            LEFT JOIN loyalty_members m ON m.id = d.member_id LIMIT {MAX_KEPT}
        """)
    )
    found = [_Found(*row) for row in rows]
    total = found[0].total if found else 0
    values = {"slot": slot, "name": name, "now": clock.now(), "differences": total}
    session.execute(_KEEP, {**values, "examples": to_json([_example(row) for row in found]).decode()})
    return int(total)


def list_last_checks() -> list[KeptCheck]:
    """The results of the latest verification, differences first."""
    return read_all(_LAST, {}, KeptCheck)


def _example(row: _Found) -> Document:
    return {
        "memberId": ids.encode(row.member_id) if row.member_id else None,
        "userId": row.user_id,
        "stored": int(row.stored),
        "recomputed": int(row.recomputed),
    }
