"""Taking a credit back by hand: a mistyped adjustment, a bonus that was wrong (CONTRACT-EARNING 8.2)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.ledger.explanation import EntryNotFound
from portal.ledger.models import EntryType
from portal.ledger.posting import Entry, Texts
from portal.ledger.reversing.credits import Credit, Origin, find_credit, reverse_credit
from portal.ledger.reversing.problems import AlreadyReversed, NotReversible, OrderEntry, ReferralEntry
from portal.ledger.reversing.reach import Shortfall, Wanted, plan_reversals, read_reach
from portal.ledger.rules import EarningRules
from portal.ledger.streaks import drop_idle_week
from portal.members import lock_members
from portal.platform import audit, ids
from portal.platform.audit import Act
from portal.platform.documents import Document
from portal.platform.settings import listeners

REVERSED = "reversed_source:"
REFERRAL = (EntryType.REFERRAL_BONUS, EntryType.REFERRAL_WELCOME)
# Credits that are not taken back here: what else gave them takes them back, or they give back themselves.
ELSEWHERE = (EntryType.ORDER, EntryType.REVERSAL, *REFERRAL)

_ENTRY = text("""
    SELECT e.id, e.member_id, e.source, e.external_id, e.effect, e.entry_type, e.amount, e.metadata, m.user_id
    FROM loyalty_ledger_entries e JOIN loyalty_members m ON m.id = e.member_id WHERE e.id = :id
""")
_STANDING = text("""
    SELECT m.balance, m.lifetime_earned, m.owed, t.name AS tier, t.threshold
    FROM loyalty_members m LEFT JOIN loyalty_tiers t ON t.id = m.tier_id WHERE m.id = :member_id
""")


class EntryKey(NamedTuple):
    """An entry, whose it is, and what makes it unique for them."""

    id: UUID
    member_id: UUID
    source: str
    external_id: str
    effect: str
    entry_type: str
    amount: int
    metadata: Document
    user_id: str

    @property
    def rule(self) -> Document:
        """Which version of an earning rule gave it, if one did."""
        return {name: self.metadata[name] for name in ("rule", "rule_version") if name in self.metadata}

    @property
    def origin(self) -> Origin:
        """What `find_credit` finds it by."""
        return Origin(self.member_id, self.source, self.external_id, self.effect)


Follower = Callable[[Session, EntryKey, int, datetime], None]
"""Is told of a credit, how many points of it were taken back, and when. The member's row is locked."""


class Standing(NamedTuple):
    """What a member has: points, points earned, a debt, and a tier with its threshold, if any."""

    balance: int
    lifetime_earned: int
    owed: int
    tier: str | None
    threshold: int | None


@dataclass(frozen=True, slots=True)
class Preview:
    """What taking back `points`, all that is left of a credit, would do: from how the member stands to what follows."""

    points: int
    before: Standing
    balance: int
    lifetime_earned: int
    owed: int
    expired: int


def preview_reversal(session: Session, entry_id: UUID, user_id: str, shortfall: Shortfall, now: datetime) -> Preview:
    """What taking back all that is left of a user's credit would do; writes nothing.

    :raises EntryNotFound: if there is no such entry, or it is not theirs.
    :raises OrderEntry, ReferralEntry, NotReversible: if it is not taken back by hand.
    """
    entry = _find(session, entry_id)
    if entry.user_id != user_id:
        raise EntryNotFound
    credit, before = _credit(session, entry), _standing(session, entry.member_id)
    reach = read_reach(session, *entry.origin[:3], now, entry.effect)
    (taken,) = plan_reversals(reach, [Wanted(entry.effect, credit.left, credit.qualifies)], shortfall)
    return Preview(
        credit.left,
        before,
        before.balance - taken.from_lots,
        before.lifetime_earned - (credit.left if credit.qualifies else 0),
        before.owed + taken.owed,
        taken.expired,
    )


def reverse_entry(
    session: Session,
    entry_id: UUID,
    points: int | None,
    act: Act,
    *,
    shortfall: Shortfall,
    rules: EarningRules,
    description: str = "",
) -> Entry:
    """Take back so many points of a credit (None: all that is left), its own lot first. Written to the audit log.

    What it counted for tiers, for limits of rules and for a streak week falls with it. `description` is what the member
    reads, by default the reason.

    :raises EntryNotFound: if there is no such entry.
    :raises OrderEntry, ReferralEntry, NotReversible: if it is not taken back by hand.
    :raises AlreadyReversed: if less than that is left of it.
    """
    entry = _find(session, entry_id)
    lock_members(session, [entry.member_id])
    credit, before = _credit(session, entry), _standing(session, entry.member_id)
    wanted = credit.left if points is None else points
    if not 0 < wanted <= credit.left:
        raise AlreadyReversed(credit.left)
    metadata = {**entry.rule, "entry_id": ids.encode(entry.id)}
    texts = Texts(description or act.reason)
    reversed_ = reverse_credit(session, entry.origin, credit, wanted, shortfall, act.now, metadata, texts)
    assert reversed_.entry is not None, "what was posted is no longer pending"
    for listener in listeners(f"{REVERSED}{entry.source}"):
        listener(session, entry, wanted, act.now)
    if entry.entry_type != EntryType.STREAK_BONUS:
        drop_idle_week(session, entry.member_id, credit.qualifies_at, rules)
    _record(session, act, entry, before, reversed_.entry, wanted)
    return reversed_.entry


def _find(session: Session, entry_id: UUID) -> EntryKey:
    row = session.execute(_ENTRY, {"id": entry_id}).first()
    if row is None:
        raise EntryNotFound
    entry = EntryKey(*row)
    if entry.entry_type == EntryType.ORDER:
        raise OrderEntry(entry.metadata.get("order_reference"))
    if entry.entry_type in REFERRAL:
        raise ReferralEntry
    if entry.amount <= 0 or entry.entry_type in ELSEWHERE:
        raise NotReversible
    return entry


def _credit(session: Session, entry: EntryKey) -> Credit:
    credit = find_credit(session, entry.origin)
    assert credit is not None, "the ledger forgets no entry"
    return credit


def _standing(session: Session, member_id: UUID) -> Standing:
    return Standing(*session.execute(_STANDING, {"member_id": member_id}).one())


def _record(session: Session, act: Act, entry: EntryKey, before: Standing, made: Entry, points: int) -> None:
    after = _standing(session, entry.member_id)
    audit.record(
        session,
        act,
        action="points.reverse",
        object_type="member",
        object_id=ids.encode(entry.member_id),
        before={"balance": before.balance, "lifetimeEarned": before.lifetime_earned, "owed": before.owed},
        after={
            "balance": after.balance,
            "lifetimeEarned": after.lifetime_earned,
            "owed": after.owed,
            "points": points,
            "entry": ids.encode(made.id),
            "reversed": ids.encode(entry.id),
        },
    )
