"""Applying a checked file of members: asked for by an operator, done by a worker, whole or not at all.

The work is one transaction under the import's row lock, so a worker that dies leaves nothing of it and the outbox gives
it to another; one that comes twice finds it done. Balances are posted under the source `import` with the row's key, so
that a file imported again credits nobody twice.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, cast
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal import ledger
from portal.accounts import (
    CHANGE_MANY,
    OWN_WITHDRAWAL,
    User,
    release_addresses,
    tell_of_new_addresses,
    vouch,
)
from portal.imports.models import ImportStatus, MemberImport
from portal.imports.staging import EFFECT, SOURCE, classify
from portal.ledger import EntryType
from portal.members import lock_members
from portal.platform import audit, clock, ids, outbox
from portal.platform.audit import Act
from portal.platform.db import unit_of_work
from portal.platform.problems import Conflict, NotFound
from portal.tiers import enrol_many

TOPIC = "member_import"
BATCH = 2_000
DESCRIPTION = "Opening balance"

# Without their keys, so that signing in, which refers to a user, does not wait for a whole file.
# Also who holds an address of the file. Without their keys, so that signing in, which refers to a user, does not wait
# for a whole file.
_LOCK_USERS = text("""
    SELECT id FROM users WHERE id IN (
        SELECT user_id FROM member_import_rows WHERE import_id = :id
        UNION SELECT h.id FROM users h JOIN member_import_rows r ON h.email = r.email WHERE r.import_id = :id)
    ORDER BY id FOR NO KEY UPDATE
""")
_HELD = text("""
    SELECT r.email, r.user_id FROM member_import_rows r JOIN users h ON h.email = r.email
    WHERE r.import_id = :id AND h.id <> r.user_id AND h.email_verified_at IS NULL ORDER BY h.id
""")
_UNVERIFIED = text("""
    SELECT u.id FROM users u JOIN member_import_rows r ON r.user_id = u.id
    WHERE r.import_id = :id AND r.outcome = 'updated' AND r.email IS NOT NULL AND u.email_verified_at IS NULL
    ORDER BY u.id
""")
_MAKE_USERS = text("""
    INSERT INTO users (id, email, email_normalized, email_verified_at, name, phone_number, timezone, locale,
                       created_at, updated_at)
    SELECT user_id, email, email_normalized, :now, name, phone_number, timezone, locale, :now, :now
    FROM member_import_rows WHERE import_id = :id AND outcome = 'new'
""")
_OTHER_ADDRESSES = text("""
    SELECT u.id, u.email FROM users u JOIN member_import_rows r ON r.user_id = u.id
    WHERE r.import_id = :id AND r.outcome = 'updated' AND r.email <> u.email AND u.email_verified_at IS NOT NULL
""")
_CHANGE_USERS = text("""
    UPDATE users u SET email = coalesce(r.email, u.email),
        email_normalized = coalesce(r.email_normalized, u.email_normalized), name = coalesce(r.name, u.name),
        email_verified_at = CASE WHEN r.email <> u.email THEN :now ELSE u.email_verified_at END,
        phone_number = coalesce(r.phone_number, u.phone_number), timezone = coalesce(r.timezone, u.timezone),
        locale = coalesce(r.locale, u.locale), updated_at = :now
    FROM member_import_rows r
    WHERE r.import_id = :id AND r.outcome = 'updated' AND u.id = r.user_id
      AND (coalesce(r.email, u.email), coalesce(r.name, u.name), coalesce(r.phone_number, u.phone_number),
           coalesce(r.timezone, u.timezone), coalesce(r.locale, u.locale))
          IS DISTINCT FROM (u.email, u.name, u.phone_number, u.timezone, u.locale)
""")
# Consent that a member took back themselves is not given again by a file (CONTRACT-SHOP 9.1).
_CONSENTS = text(f"""
    INSERT INTO notification_preferences AS p (user_id, marketing_messages, updated_at)
    SELECT user_id, coalesce(marketing_messages, false), :now FROM member_import_rows
    WHERE import_id = :id AND outcome IN ('new', 'updated') AND (outcome = 'new' OR marketing_messages IS NOT NULL)
    ON CONFLICT (user_id) DO UPDATE SET marketing_messages = excluded.marketing_messages, updated_at = :now
        WHERE p.marketing_messages <> excluded.marketing_messages
          AND NOT (excluded.marketing_messages AND {OWN_WITHDRAWAL.format(who="p.user_id")})
    RETURNING user_id, marketing_messages, xmax = 0 AS made
""")
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
    """A balance to be opened, and its row's key."""

    member_id: UUID
    points: int
    expires_at: datetime | None
    row_key: str


def confirm_import(session: Session, import_id: UUID, act: Act, *, announce: bool, over_staff: bool) -> None:
    """Ask a worker to apply a checked file. `announce` tells members of the tiers that their balances open.

    Rows change operators and admins only with `over_staff` of whoever checked the file and of whoever confirms it.

    :raises NotFound: no such import.
    :raises Conflict: it has refused rows, or was confirmed before.
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
    """Apply a confirmed file, unless that was done before."""
    import_id = ids.parse(message.payload["import_id"])
    with unit_of_work() as session:
        staged = _locked(session, import_id or _FIRST)
        if staged.status == ImportStatus.APPLYING:
            _apply(session, staged, clock.now())


def _apply(session: Session, staged: MemberImport, now: datetime) -> None:
    """Everything the file says, or the status `refused` where users have changed so that a row no longer can be."""
    values = {"id": staged.id, "now": now}
    session.execute(_LOCK_USERS, values)
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


def _write(session: Session, staged: MemberImport, values: dict[str, object], now: datetime) -> None:
    """Users, their consent, memberships and balances."""
    moved = [(row.id, row.email) for row in session.execute(_OTHER_ADDRESSES, values)]
    _write_users(session, staged, values)
    _write_consents(session, staged, values)
    for start in range(0, len(moved), BATCH):
        tell_of_new_addresses(session, dict(moved[start : start + BATCH]))
    without = session.scalars(_WITHOUT_MEMBERSHIP, values).all()
    for start in range(0, len(without), BATCH):
        enrol_many(session, without[start : start + BATCH])
    for balances in _balances(session, staged.id):
        _post(session, balances, staged, now)


def _write_users(session: Session, staged: MemberImport, values: dict[str, object]) -> None:
    """Whoever imports vouches for the addresses: those held unverified are taken over, and all are verified."""
    held = [(row.email, row.user_id) for row in session.execute(_HELD, values)]
    if held:
        release_addresses(session, held, Act(staged.confirmed_by or "", clock.now(), staged.reason or ""))
    unverified = session.scalars(_UNVERIFIED, values).all()
    for statement in (_MAKE_USERS, _CHANGE_USERS):
        session.execute(statement, values)
    for user_id in unverified:
        vouch(session, session.get_one(User, user_id, populate_existing=True))


def _write_consents(session: Session, staged: MemberImport, values: dict[str, object]) -> None:
    """What the file says of consent, each change with a row of its history."""
    changed = [row for row in session.execute(_CONSENTS, values) if row.marketing_messages or not row.made]
    if changed:
        origin = {"source": "import", "place": staged.confirmed_by or "", "now": values["now"]}
        user_ids, given = [row.user_id for row in changed], [row.marketing_messages for row in changed]
        session.execute(CHANGE_MANY, {**origin, "user_ids": user_ids, "given": given})


def _post(session: Session, balances: Sequence[BalanceRow], staged: MemberImport, now: datetime) -> None:
    """Open a lot for each balance. It was earned elsewhere and earlier, so it qualifies no week for a streak."""
    lock_members(session, [row.member_id for row in balances])
    postings = [
        ledger.Posting(
            row.member_id,
            row.points,
            EntryType.ADJUSTMENT,
            DESCRIPTION,
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
    """The balances to be credited in the order of the members' ids, in which their rows are locked."""
    after = _FIRST
    while rows := session.execute(_BALANCES, {"id": import_id, "after": after, "batch": BATCH}).all():
        yield cast("Sequence[BalanceRow]", rows)
        after = rows[-1].member_id


def _locked(session: Session, import_id: UUID) -> MemberImport:
    staged = session.get(MemberImport, import_id, with_for_update=True, populate_existing=True)
    if staged is None:
        raise NotFound
    return staged
