"""Manual corrections of a balance, and facts added beside an entry."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.ledger.holds import choose_lots
from portal.ledger.models import EntryType
from portal.ledger.posting import Posted, Posting, Texts, post
from portal.ledger.rules import EarningRules
from portal.members import lock_members
from portal.platform import audit, ids
from portal.platform.audit import Act
from portal.platform.documents import Document, to_json

# Adds nothing if the entry's metadata, or that beside it, already contains `name`.
_ADD_FACTS = text("""
    INSERT INTO loyalty_ledger_texts AS known (member_id, entry_id, metadata)
    SELECT e.member_id, e.id, CAST(:facts AS jsonb) FROM loyalty_ledger_entries e
    WHERE e.member_id = :member_id AND e.id = :entry_id AND e.metadata -> CAST(:name AS text) IS NULL
    ON CONFLICT (member_id, entry_id) DO UPDATE SET metadata = excluded.metadata || known.metadata
        WHERE known.metadata -> CAST(:name AS text) IS NULL
    RETURNING entry_id
""")


def add_facts(session: Session, member_id: UUID, entry_id: UUID, name: str, facts: Document) -> bool:
    """Store facts beside an entry unless it already contains `name`; returns whether they were stored.

    The entry itself is never changed: the ledger is append-only (CONTRACT rule 1).
    """
    values = {"member_id": member_id, "entry_id": entry_id, "name": name, "facts": to_json(facts).decode()}
    return session.execute(_ADD_FACTS, values).first() is not None


def adjust_points(
    session: Session,
    member_id: UUID,
    points: int,
    act: Act,
    *,
    rules: EarningRules,
    expires_at: datetime | None,
    metadata: Document,
    description: str = "",
    note: str = "",
    counts_towards_tiers: bool = True,
) -> Posted:
    """Correct a balance by hand: a credit opens a lot, a debit takes from the lots that expire first.

    `expires_at` None: the points never expire. `description` is what the member reads, by default the reason;
    `metadata` are the writer's own keys, `note` is for operators. Points that are added count towards tiers unless
    `counts_towards_tiers` is False. Written to the audit log.

    :raises InsufficientPoints: if fewer points are available than are taken away.
    """
    lock_members(session, [member_id])
    takes = choose_lots(session, member_id, -points, act.now) if points < 0 else ()
    posting = Posting(
        member_id,
        points,
        EntryType.ADJUSTMENT,
        "adjustment",
        ids.encode(ids.new_id()),
        "adjust",
        act.now,
        texts=Texts(description or act.reason, metadata, note or None),
        expires_at=expires_at if points > 0 else None,
        takes=takes,
        week=rules.week(act.now) if points > 0 else None,
        qualifying=points if points > 0 and counts_towards_tiers else 0,
    )
    posted = post(session, [posting], act.now)
    entry = posted.entries[0]
    audit.record(
        session,
        act,
        action="points.adjust",
        object_type="member",
        object_id=ids.encode(member_id),
        before={"balance": entry.balance_after - points},
        after={
            "balance": entry.balance_after,
            "entry": ids.encode(entry.id),
            "countsTowardsTiers": posting.qualifying != 0,
            "note": note or None,
        },
    )
    return posted
