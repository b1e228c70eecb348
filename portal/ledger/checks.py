"""Verification one check at a time; each result is stored for operators to read."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.ledger.verify import CHECKS, Difference
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
_USERS = text("SELECT id, user_id FROM loyalty_members WHERE id = ANY(:ids)")
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


def keep_check(session: Session, slot: datetime, name: str) -> int:
    """Run a check and store the number of differences, with the first of them; returns that number."""
    session.execute(text(f"SET LOCAL statement_timeout = '{SECONDS}s'"))
    total, first = 0, list[Difference]()
    for difference in CHECKS[name](session):
        total += 1
        if total <= MAX_KEPT:
            first.append(difference)
    values = {"slot": slot, "name": name, "now": clock.now(), "differences": total}
    session.execute(_KEEP, {**values, "examples": to_json(_examples(session, first)).decode()})
    return total


def list_last_checks() -> list[KeptCheck]:
    """The results of the latest verification, differences first."""
    return read_all(_LAST, {}, KeptCheck)


def _examples(session: Session, differences: Sequence[Difference]) -> list[Document]:
    member_ids = [member_id for member_id, _, _ in differences if member_id is not None]
    users = {row.id: row.user_id for row in session.execute(_USERS, {"ids": member_ids})}
    return [
        {
            "memberId": ids.encode(member_id) if member_id else None,
            "userId": users.get(member_id),
            "stored": stored,
            "recomputed": recomputed,
        }
        for member_id, stored, recomputed in differences
    ]
