"""Verification in pieces: each check by itself, its result kept for operators to read."""

from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.ledger.verify import CHECKS
from portal.platform import clock, ids
from portal.platform.db.reads import read_all
from portal.platform.web.responses import to_json

MOST_KEPT = 100
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


def keep_check(session: Session, slot: datetime, name: str) -> int:
    """Carry out a check and keep how many differences it found, with the first of them; returns how many.

    A check is one statement, so that writes under way cannot look like differences.
    """
    session.execute(text(f"SET LOCAL statement_timeout = '{SECONDS}s'"))
    found = session.execute(
        text(f"""
            SELECT d.member_id, m.user_id, d.stored, d.recomputed, count(*) OVER () AS total
            FROM ({CHECKS[name]}) d(member_id, stored, recomputed)
            LEFT JOIN loyalty_members m ON m.id = d.member_id LIMIT {MOST_KEPT}
        """)
    ).all()
    total = found[0].total if found else 0
    values = {"slot": slot, "name": name, "now": clock.now(), "differences": total}
    session.execute(_KEEP, {**values, "examples": to_json([_example(row) for row in found]).decode()})
    return int(total)


def list_last_checks() -> list[Any]:
    """The results of the latest verification, differences first."""
    return read_all(_LAST, {})


def _example(row: Any) -> dict[str, Any]:
    return {
        "memberId": ids.encode(row.member_id) if row.member_id else None,
        "userId": row.user_id,
        "stored": int(row.stored),
        "recomputed": int(row.recomputed),
    }
