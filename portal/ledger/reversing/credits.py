"""Taking back one credit, posted or still pending, in whole or in parts."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.ledger.models import EntryType
from portal.ledger.pending import shrink
from portal.ledger.posting import Entry, Posting, Texts, post
from portal.ledger.reversing.owed import note_shortfalls
from portal.ledger.reversing.reach import Shortfall, Taken, Wanted, plan_reversals, read_reach
from portal.platform.documents import Document

# A credit and what reversals have taken of it; one that waits has no entry yet.
_CREDIT = text("""
    SELECT c.amount, c.qualifies, c.qualifies_at, c.entry_id, coalesce((
               SELECT sum(t.value::bigint) FROM loyalty_ledger_entries r
               CROSS JOIN LATERAL jsonb_each_text(r.metadata -> 'takes') t
               WHERE r.member_id = :member_id AND r.source = :source AND r.external_id = :external_id
                 AND r.entry_type = 'reversal' AND r.metadata ->> 'reverses' = :effect AND t.key <> 'pending'
           ), 0)::bigint AS reversed
    FROM (SELECT amount, qualifying > 0 AS qualifies, qualifies_at, id AS entry_id FROM loyalty_ledger_entries
          WHERE member_id = :member_id AND source = :source AND external_id = :external_id AND effect = :effect
            AND amount > 0
          UNION ALL
          SELECT points, qualifies_tier, qualifies_at, NULL FROM loyalty_pending_credits
          WHERE member_id = :member_id AND source = :source AND external_id = :external_id AND effect = :effect
            AND activated_at IS NULL) c
""")


class Origin(NamedTuple):
    """What makes a credit unique: its member, source, external id and effect."""

    member_id: UUID
    source: str
    external_id: str
    effect: str


class Credit(NamedTuple):
    """A credit that may be taken back: what it is worth, in points, and how much of that was taken back.

    `qualifies`: it counts for tiers, by the date `qualifies_at`. `entry_id` is None while it is pending.
    """

    points: int
    qualifies: bool
    qualifies_at: datetime
    entry_id: UUID | None
    reversed: int

    @property
    def left(self) -> int:
        """What may still be taken back."""
        return self.points - self.reversed


@dataclass(frozen=True, slots=True)
class Reversed:
    """What was taken, from where; `entry` is None if all of it was pending."""

    taken: Taken
    entry: Entry | None


def find_credit(session: Session, origin: Origin) -> Credit | None:
    """The credit as it is now; None if there is none. The caller holds the member's row lock."""
    row = session.execute(_CREDIT, origin._asdict()).first()
    return None if row is None else Credit(*row)


def reverse_credit(
    session: Session,
    origin: Origin,
    credit: Credit,
    points: int,
    shortfall: Shortfall,
    now: datetime,
    metadata: Document,
    texts: Texts | None = None,
) -> Reversed:
    """Take back so many points of a credit, no more than `credit.left`; `metadata` and `texts` say for what.

    Its own lot is taken from first. The entry counts against tiers as the credit counted for them, whole, even if not
    all of it could be taken. The caller holds the member's row lock.
    """
    member_id, source, external_id, effect = origin
    wanted = Wanted(effect, points, credit.qualifies)
    reach = read_reach(session, member_id, source, external_id, now, effect)
    (taken,) = plan_reversals(reach, [wanted], shortfall)
    for waiting, part in taken.pending.items():
        shrink(session, member_id, source, external_id, waiting, part)
    if not taken.posted:
        return Reversed(taken, None)
    posting = Posting(
        member_id,
        -taken.from_lots,
        EntryType.REVERSAL,
        source,
        external_id,
        f"reverse:{effect}:{credit.reversed + points}",
        now,
        {**metadata, "reverses": effect, "takes": taken.figures()},
        texts,
        takes=(*taken.own, *taken.others),
        qualifying=-taken.posted if credit.qualifies else 0,
        qualifies_at=credit.qualifies_at,
    )
    entry = post(session, [posting], now).entries[0]
    note_shortfalls(session, member_id, [(entry.id, taken)], now)
    return Reversed(taken, entry)
