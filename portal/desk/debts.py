"""What a member owes, debt by debt (CONTRACT-EARNING 8.5, R4)."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text

from portal.ledger import describe
from portal.platform.db.reads import read_all
from portal.platform.documents import Document

MAX_DEBTS = 20

_DEBTS = text("""
    SELECT o.entry_id, o.owed_at, o.points, o.recovered, o.written_off, e.entry_type, t.description, e.metadata
    FROM (SELECT * FROM loyalty_owed WHERE member_id = :member_id AND points > recovered + written_off
          ORDER BY owed_at, entry_id LIMIT :most) o
    JOIN loyalty_ledger_entries e ON e.member_id = o.member_id AND e.id = o.entry_id
    LEFT JOIN loyalty_ledger_texts t ON t.member_id = e.member_id AND t.entry_id = e.id
    ORDER BY o.owed_at, o.entry_id
""")


class DebtRow(NamedTuple):
    """Points that a reversal could not take, with its entry, and how many were paid and given up since."""

    entry_id: UUID
    owed_at: datetime
    points: int
    recovered: int
    written_off: int
    entry_type: str
    description: str
    metadata: Document

    @property
    def left(self) -> int:
        """What is still owed of it."""
        return self.points - self.recovered - self.written_off


def list_debts(member_id: UUID | None) -> list[DebtRow]:
    """What is still owed, in the order in which it is paid; the first ones."""
    rows: list[DebtRow] = read_all(_DEBTS, {"member_id": member_id, "most": MAX_DEBTS}, DebtRow)
    return [row._replace(description=describe(row.entry_type, row.metadata, row.description)) for row in rows]
