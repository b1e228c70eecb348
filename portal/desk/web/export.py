"""The whole ledger as a download: in batches by the primary key, so that memory stays constant."""

from collections.abc import Iterator
from uuid import UUID

from flask import Blueprint, Response
from sqlalchemy import text

from portal.accounts.web import Access, guarded
from portal.ledger import describe
from portal.platform.console.exports import download
from portal.platform.csv_cells import csv_lines
from portal.platform.db.reads import read_all

bp = Blueprint("exports_console", __name__, url_prefix="/admin/exports")

BATCH = 2_000
COLUMNS = (
    "user_id",
    "seq",
    "id",
    "occurred_at",
    "entry_type",
    "amount",
    "balance_after",
    "description",
    "source",
    "external_id",
)
_ROWS = text("""
    SELECT m.user_id, e.seq, e.id, e.occurred_at, e.entry_type, e.amount, e.balance_after, t.description, e.source,
           e.external_id, e.member_id, e.metadata
    FROM (SELECT * FROM loyalty_ledger_entries WHERE (member_id, seq) > (:member_id, :seq)
          ORDER BY member_id, seq LIMIT :batch) e
    JOIN loyalty_members m ON m.id = e.member_id
    LEFT JOIN loyalty_ledger_texts t ON t.member_id = e.member_id AND t.entry_id = e.id
    ORDER BY e.member_id, e.seq
""")


@bp.get("/ledger")
@guarded(Access.CONSOLE)
def ledger() -> Response:
    """Every point change of every member, ordered by member and `seq`."""
    return download("ledger", _lines())


def _lines() -> Iterator[str]:
    yield csv_lines([COLUMNS])
    after: dict[str, object] = {"member_id": UUID(int=0), "seq": 0}
    while rows := read_all(_ROWS, {**after, "batch": BATCH}):
        described = [row._replace(description=describe(row.entry_type, row.metadata, row.description)) for row in rows]
        yield csv_lines(row[: len(COLUMNS)] for row in described)
        after = {"member_id": rows[-1].member_id, "seq": rows[-1].seq}
