"""What reversals could not take: owed by the member, or written off (CONTRACT-EARNING 8.5, R4).

Credits that come later pay it (`portal.ledger.statements.recovery`).
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.ledger.reversing.reach import Taken
from portal.platform.db import Base
from portal.platform.documents import to_json

# Reasons that nobody wrote: the programme's REFUND_SHORTFALL, and the age of the debt.
SHORTFALL, TOO_OLD = "shortfall", "too_old"
_OPEN = "points > recovered + written_off"


class OwedPoints(Base):
    """Points that a reversal could not take. They are a debt of the member, never a part of the balance.

    `recovered` of them were paid, `written_off` were given up: last at `written_off_at` for the `reason`, a code of
    those above or what an operator wrote.
    """

    __tablename__ = "loyalty_owed"

    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    entry_id: Mapped[UUID] = mapped_column(primary_key=True)
    points: Mapped[int] = mapped_column(BigInteger)
    recovered: Mapped[int] = mapped_column(BigInteger, server_default="0")
    written_off: Mapped[int] = mapped_column(BigInteger, server_default="0")
    owed_at: Mapped[datetime]
    written_off_at: Mapped[datetime | None]
    reason: Mapped[str | None]

    __table_args__ = (
        ForeignKeyConstraint(
            ["member_id", "entry_id"], ["loyalty_ledger_entries.member_id", "loyalty_ledger_entries.id"]
        ),
        CheckConstraint("points > 0", name="points"),
        CheckConstraint("recovered >= 0 AND written_off >= 0 AND recovered + written_off <= points", name="settled"),
        CheckConstraint(
            "(written_off = 0) = (written_off_at IS NULL) AND (written_off = 0) = (reason IS NULL)", name="written_off"
        ),
        Index("ix_loyalty_owed_open", "member_id", "owed_at", postgresql_where=text(_OPEN)),
        Index("ix_loyalty_owed_due", "owed_at", "member_id", postgresql_where=text(_OPEN)),
    )


_OWE = text("""
    WITH given AS (
        SELECT * FROM json_to_recordset(CAST(:rows AS json)) AS r(entry_id uuid, points bigint, written_off bigint)
    ), noted AS (
        INSERT INTO loyalty_owed (member_id, entry_id, points, written_off, owed_at, written_off_at, reason)
        SELECT :member_id, entry_id, points, written_off, :now,
               CASE WHEN written_off > 0 THEN CAST(:now AS timestamptz) END,
               CASE WHEN written_off > 0 THEN :shortfall END
        FROM given
    )
    UPDATE loyalty_members m SET owed = m.owed + g.points
    FROM (SELECT sum(points - written_off)::bigint AS points FROM given) g WHERE m.id = :member_id
""")


def note_shortfalls(session: Session, member_id: UUID, shortfalls: Sequence[tuple[UUID, Taken]], now: datetime) -> None:
    """Keep what these reversals, each with its entry, could not take."""
    rows = [
        {"entry_id": entry_id, "points": taken.owed + taken.written_off, "written_off": taken.written_off}
        for entry_id, taken in shortfalls
        if taken.owed or taken.written_off
    ]
    if rows:
        session.execute(
            _OWE, {"member_id": member_id, "rows": to_json(rows).decode(), "now": now, "shortfall": SHORTFALL}
        )
