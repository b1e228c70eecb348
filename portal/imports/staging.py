"""Staging a file of members: each row is checked by itself, then against the other rows and the existing users."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from operator import attrgetter
from typing import Any, BinaryIO
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.accounts import OWN_WITHDRAWAL
from portal.imports.files import read_rows
from portal.imports.models import ImportStatus, MemberImport, Outcome
from portal.imports.rows import CheckedRow, check_row
from portal.ledger import EarningRules
from portal.platform import audit, ids
from portal.platform.audit import Act
from portal.platform.documents import Document

SOURCE = "import"
EFFECT = "credit"
COPIED_AT_ONCE = 2_000
_STAGED = (
    "line",
    "user_id",
    "email",
    "email_normalized",
    "name",
    "phone_number",
    "timezone",
    "locale",
    "birthday",
    "marketing_messages",
    "points",
    "expires_at",
    "row_key",
    "problems",
)
_COPY = f"COPY member_import_rows (import_id, outcome, credited_before, {', '.join(_STAGED)}) FROM STDIN"

# Problems that only the other rows and the existing users show.
_COMPARE = text("""
    WITH rows AS (SELECT * FROM member_import_rows WHERE import_id = :id), flaws AS (
        SELECT line, 'user_id: stands in line ' || first || ' already' AS problem
        FROM (SELECT line, min(line) OVER (PARTITION BY user_id) AS first FROM rows WHERE user_id <> '') r
        WHERE line > first
        UNION ALL
        SELECT line, 'email: stands in line ' || first || ' already'
        FROM (SELECT line, min(line) OVER (PARTITION BY email) AS first FROM rows WHERE email IS NOT NULL) r
        WHERE line > first
        UNION ALL
        SELECT r.line, 'email: belongs to another user'
        FROM rows r JOIN users u ON u.email = r.email WHERE u.id <> r.user_id AND u.email_verified_at IS NOT NULL
        UNION ALL
        SELECT r.line, 'user_id: is an operator or admin, whom only an admin may change'
        FROM rows r JOIN users u ON u.id = r.user_id WHERE u.role <> 'member' AND NOT :over_staff
        UNION ALL
        SELECT line, 'expires_at: has passed' FROM rows WHERE points > 0 AND expires_at <= :now AND problems = '{}'
        UNION ALL
        SELECT r.line, missing.problem
        FROM rows r LEFT JOIN users u ON u.id = r.user_id
        CROSS JOIN LATERAL (VALUES ('email: is missing, and the user is new', r.email),
                                   ('name: is missing, and the user is new', r.name)) missing(problem, value)
        WHERE u.id IS NULL AND missing.value IS NULL AND r.problems = '{}'
    )
    UPDATE member_import_rows r SET outcome = 'refused', problems = r.problems || f.problems
    FROM (SELECT line, array_agg(problem) AS problems FROM flaws GROUP BY line) f
    WHERE r.import_id = :id AND r.line = f.line
""")
_CLASSIFY = text(f"""
    UPDATE member_import_rows r SET credited_before = k.credited, outcome = CASE
        WHEN k.user_id IS NULL THEN 'new'
        WHEN k.member_id IS NULL OR k.changes OR (r.points > 0 AND NOT k.credited) THEN 'updated'
        ELSE 'unchanged' END
    FROM (
        SELECT s.line, u.id AS user_id, m.id AS member_id, EXISTS (
                   SELECT FROM loyalty_ledger_entries e WHERE e.member_id = m.id AND e.source = :source
                     AND e.external_id = s.row_key AND e.effect = :effect) AS credited,
               (coalesce(s.email, u.email), coalesce(s.name, u.name), coalesce(s.phone_number, u.phone_number),
                coalesce(s.timezone, u.timezone), coalesce(s.locale, u.locale), coalesce(s.birthday, u.birthday),
                coalesce(s.marketing_messages AND NOT {OWN_WITHDRAWAL.format(who="s.user_id")}, p.marketing_messages,
                         false),
                u.email_verified_at IS NULL AND s.email IS NOT NULL)
               IS DISTINCT FROM
               (u.email, u.name, u.phone_number, u.timezone, u.locale, u.birthday,
                coalesce(p.marketing_messages, false), false) AS changes
        FROM member_import_rows s
        LEFT JOIN users u ON u.id = s.user_id
        LEFT JOIN notification_preferences p ON p.user_id = u.id
        LEFT JOIN loyalty_members m ON m.user_id = u.id
        WHERE s.import_id = :id AND s.outcome <> 'refused') k
    WHERE r.import_id = :id AND r.line = k.line
""")
_FIGURES = text("""
    SELECT count(*) AS rows, count(*) FILTER (WHERE outcome = 'new') AS new,
           count(*) FILTER (WHERE outcome = 'updated') AS updated,
           count(*) FILTER (WHERE outcome = 'unchanged') AS unchanged,
           count(*) FILTER (WHERE outcome = 'refused') AS refused,
           coalesce(sum(points) FILTER (WHERE outcome <> 'refused' AND NOT credited_before), 0)::bigint AS points,
           count(*) FILTER (WHERE outcome <> 'refused' AND NOT credited_before AND points > 0) AS balances,
           coalesce(sum(points) FILTER (WHERE outcome <> 'refused' AND credited_before), 0)::bigint AS points_before
    FROM member_import_rows WHERE import_id = :id
""")


def stage_import(
    session: Session, stream: BinaryIO, file_name: str, act: Act, *, over_staff: bool, most: int, rules: EarningRules
) -> MemberImport:
    """Store the file's rows, each with what it would do or what is wrong with it; no user or balance changes. Audited.

    `over_staff` lets rows change operators and admins. `most` is the greatest number of rows.

    :raises portal.imports.files.FileRefused: if the file as a whole cannot be read.
    """
    made = MemberImport(
        id=ids.new_id(),
        file_name=file_name,
        status=ImportStatus.CHECKED,
        created_at=act.now,
        created_by=act.actor,
        figures={},
        over_staff=over_staff,
    )
    session.add(made)
    session.flush()
    _copy(session, made.id, (check_row(*row, now=act.now, rules=rules) for row in read_rows(stream, most)))
    session.execute(text("ANALYZE member_import_rows"))
    made.figures = classify(session, made.id, over_staff=over_staff, now=act.now)
    audit.record(
        session,
        act,
        action="import.check",
        object_type="import",
        object_id=ids.encode(made.id),
        after={"file": file_name, **made.figures},
    )
    session.flush()
    return made


def classify(session: Session, import_id: UUID, *, over_staff: bool, now: datetime) -> Document:
    """Compare the rows with each other and with the users as they are now; returns the figures by outcome."""
    session.execute(_COMPARE, {"id": import_id, "over_staff": over_staff, "now": now})
    session.execute(_CLASSIFY, {"id": import_id, "source": SOURCE, "effect": EFFECT})
    return dict(session.execute(_FIGURES, {"id": import_id}).one()._mapping)


def _copy(session: Session, import_id: UUID, rows: Iterator[CheckedRow]) -> None:
    """COPY the rows into the table in batches: checking rows must not keep a statement open for long."""
    values = attrgetter(*_STAGED)
    connection: Any = session.connection().connection.driver_connection
    while batch := list(islice(rows, COPIED_AT_ONCE)):
        with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
            for row in batch:
                outcome = Outcome.REFUSED if row.problems else Outcome.NEW
                copy.write_row((import_id, outcome.value, False, *values(row)))
