"""Applying a checked file of members: confirmed by an operator, done by a worker, all or nothing.

The work is one transaction under the import's row lock: if a worker dies, it is rolled back and the outbox gives it to
another; a repeated delivery finds it done. Balances are posted with the source `import` and the row's key, so that
importing a file again credits nobody twice.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, cast
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal import ledger
from portal.accounts import lock_profiles, put_profiles
from portal.imports.models import ImportStatus, MemberImport
from portal.imports.staging import EFFECT, SOURCE, classify
from portal.ledger import EntryType
from portal.members import lock_members
from portal.platform import audit, clock, ids, outbox
from portal.platform.audit import Act
from portal.platform.db import unit_of_work
from portal.platform.db.reads import Values
from portal.platform.problems import Conflict, NotFound
from portal.tiers import enrol_many

TOPIC = "member_import"
BATCH = 2_000

PROFILES = """
    SELECT user_id, email, email_normalized, name, phone_number, timezone, locale, birthday,
           marketing_messages, outcome = 'new' AS is_new
    FROM member_import_rows WHERE import_id = :id
"""
_CHANGED = f"{PROFILES} AND outcome IN ('new', 'updated')"
_WITHOUT_MEMBERSHIP = text("""
    SELECT r.user_id FROM member_import_rows r LEFT JOIN loyalty_members m ON m.user_id = r.user_id
    WHERE r.import_id = :id AND m.id IS NULL
""")
_BALANCES = text("""
    SELECT m.id AS member_id, r.points, r.expires_at, r.row_key
    FROM member_import_rows r JOIN loyalty_members m ON m.user_id = r.user_id
    WHERE r.import_id = :id AND r.points > 0 AND NOT r.credited_before AND m.id > :after
    ORDER BY m.id LIMIT :batch
""")
_FIRST = UUID(int=0)


class BalanceRow(NamedTuple):
    """A balance to credit, and its row's key."""

    member_id: UUID
    points: int
    expires_at: datetime | None
    row_key: str


def confirm_import(session: Session, import_id: UUID, act: Act, *, announce: bool, over_staff: bool) -> None:
    """Have a worker apply a checked file. `announce` tells members which tiers they reach by their balances.

    Rows change operators and admins only if `over_staff` was set both when the file was checked and here.

    :raises NotFound: if there is no such import.
    :raises Conflict: if it has refused rows, or is confirmed already.
    """
    staged = _locked(session, import_id)
    if staged.status != ImportStatus.CHECKED:
        raise Conflict("This file was confirmed already.")
    if staged.figures["refused"]:
        raise Conflict("Rows of this file are refused: correct them and check the file again.")
    staged.status, staged.reason, staged.announce = ImportStatus.APPLYING, act.reason, announce
    staged.over_staff = staged.over_staff and over_staff
    staged.confirmed_by, staged.confirmed_at = act.actor, act.now
    session.flush()
    payload = {"import_id": ids.encode(import_id)}
    outbox.put(session, TOPIC, [payload], dedupe="import_id")
    audit.record(
        session,
        act,
        action="import.confirm",
        object_type="import",
        object_id=payload["import_id"],
        before={"status": ImportStatus.CHECKED},
        after={"status": staged.status, "announce": announce},
    )


def apply_import(message: outbox.Claimed) -> None:
    """Apply a confirmed file, unless that is done already."""
    import_id = ids.parse(message.payload["import_id"])
    with unit_of_work() as session:
        staged = _locked(session, import_id or _FIRST)
        if staged.status == ImportStatus.APPLYING:
            _apply(session, staged, clock.now())


def _apply(session: Session, staged: MemberImport, now: datetime) -> None:
    """Apply the whole file, or set its status to `refused` if users have changed so that a row is now refused."""
    values = {"id": staged.id}
    lock_profiles(session, PROFILES, values)
    staged.figures = classify(session, staged.id, over_staff=staged.over_staff, now=now)
    if staged.figures["refused"]:
        staged.error = "Users have changed since the file was checked. Nothing was imported: check the file again."
        status = ImportStatus.REFUSED
    else:
        _write(session, staged, values, now)
        status = ImportStatus.APPLIED
    staged.status, staged.finished_at = status, now
    audit.record(
        session,
        Act(staged.confirmed_by or "", now, staged.reason or ""),
        action=f"import.{status}",
        object_type="import",
        object_id=ids.encode(staged.id),
        before={"status": ImportStatus.APPLYING},
        after={"status": status, "file": staged.file_name, **staged.figures},
    )


def _write(session: Session, staged: MemberImport, values: Values, now: datetime) -> None:
    """Write the users with their consent, memberships and balances."""
    put_profiles(session, _CHANGED, values, Act(staged.confirmed_by or "", now, staged.reason or ""), source="import")
    without = session.scalars(_WITHOUT_MEMBERSHIP, values).all()
    for start in range(0, len(without), BATCH):
        enrol_many(session, without[start : start + BATCH])
    for balances in _balances(session, staged.id):
        _post(session, balances, staged, now)


def _post(session: Session, balances: Sequence[BalanceRow], staged: MemberImport, now: datetime) -> None:
    """Credit each balance as a lot. It was earned elsewhere and earlier, so it qualifies no week for a streak."""
    lock_members(session, [row.member_id for row in balances])
    postings = [
        ledger.Posting(
            row.member_id,
            row.points,
            EntryType.ADJUSTMENT,
            SOURCE,
            row.row_key,
            EFFECT,
            now,
            {"import": ids.encode(staged.id)},
            expires_at=row.expires_at,
        )
        for row in balances
    ]
    ledger.post(session, postings, now, announce=staged.announce)


def _balances(session: Session, import_id: UUID) -> Iterator[Sequence[BalanceRow]]:
    """Batches of balances to credit, in member-id order, which is the lock order."""
    after = _FIRST
    while rows := session.execute(_BALANCES, {"id": import_id, "after": after, "batch": BATCH}).all():
        yield cast("Sequence[BalanceRow]", rows)
        after = rows[-1].member_id


def _locked(session: Session, import_id: UUID) -> MemberImport:
    staged = session.get(MemberImport, import_id, with_for_update=True, populate_existing=True)
    if staged is None:
        raise NotFound
    return staged
