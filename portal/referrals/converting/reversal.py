"""Taking a conversion back, on both sides at once: by hand, or because of its order (CONTRACT-EARNING 8.2, R11)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal import ledger
from portal.ledger import Shortfall
from portal.members import lock_members
from portal.platform import audit, ids
from portal.platform.audit import Act
from portal.platform.documents import Document
from portal.referrals import problems
from portal.referrals.converting.credits import REFEREE, REFERRER, SOURCE
from portal.referrals.models import InviteStatus, ReferralInvite
from portal.referrals.standing import effective_status

_SIDES = text("""
    SELECT i.member_id, f.id AS friend_id FROM loyalty_referral_invites i
    LEFT JOIN loyalty_members f ON f.user_id = i.referee_user_id
    WHERE i.id = :id
""")
_BOTH = text(f"""
    SELECT m.id, m.user_id, u.name, m.balance,
           CASE WHEN m.id = i.member_id THEN '{REFERRER}' ELSE '{REFEREE}' END AS effect
    FROM loyalty_referral_invites i
    JOIN loyalty_members m ON m.id = i.member_id OR m.user_id = i.referee_user_id JOIN users u ON u.id = m.user_id
    WHERE i.id = :id AND i.status = 'converted' ORDER BY m.id = i.member_id DESC
""")


class Cause(StrEnum):
    """Why a conversion was taken back, as its entries keep it: an operator has voided it, or its order fell."""

    VOIDED = "voided"
    ORDER = "order"


ACTIONS = {Cause.VOIDED: "referral.void", Cause.ORDER: "referral.claw_back"}


class Conversion(NamedTuple):
    """A conversion by the id of its invite, with the members of both its sides."""

    invite_id: UUID
    member_id: UUID
    friend_id: UUID


@dataclass(frozen=True, slots=True)
class TakenBack:
    """The reversed invite, and the entries that took its points back: none for what was pending."""

    invite: ReferralInvite
    entries: Sequence[ledger.Entry]


def void_referral(
    session: Session, invite_id: UUID, act: Act, shortfall: Shortfall, earning: ledger.EarningRules
) -> TakenBack:
    """Undo a conversion by hand, pending or paid, on both sides; the friend never converts again. Audited.

    What cannot be taken is owed or written off, as `shortfall` says. It is booked whatever the members' standing (R12).

    :raises problems.ReferralNotFound: if there is no such invite.
    :raises problems.NotConverted: if it has no conversion.
    :raises problems.AlreadyReversed: if its conversion was reversed before.
    """
    found = session.execute(_SIDES, {"id": invite_id}).first()
    if found is None:
        raise problems.ReferralNotFound
    if found.friend_id is None:
        invite = session.get_one(ReferralInvite, (found.member_id, invite_id), populate_existing=True)
        raise problems.NotConverted(effective_status(invite, act.now))
    lock_members(session, {found.member_id, found.friend_id})
    conversion = Conversion(invite_id, *found)
    invite = _read(session, conversion)
    if invite.status == InviteStatus.REVERSED:
        raise problems.AlreadyReversed(invite.id, invite.order_reference)
    return _reverse(session, invite, conversion, act, shortfall, earning, {"cause": Cause.VOIDED.value})


def claw_back(
    session: Session,
    conversion: Conversion,
    refunded_at: datetime | None,
    act: Act,
    shortfall: Shortfall,
    earning: ledger.EarningRules,
) -> TakenBack | None:
    """Undo a conversion because of its order, on both sides; the friend may convert again. Audited.

    `refunded_at` is when the order was refunded, if it was: it decides which tiers that undoes. None if it was undone
    meanwhile. The caller holds both members' row locks.
    """
    invite = _read(session, conversion)
    if invite.status != InviteStatus.CONVERTED:
        return None
    facts = {"cause": Cause.ORDER.value, **ledger.tell_date(refunded_at)}
    return _reverse(session, invite, conversion, act, shortfall, earning, facts)


def _read(session: Session, conversion: Conversion) -> ReferralInvite:
    key = (conversion.member_id, conversion.invite_id)
    return session.get_one(ReferralInvite, key, populate_existing=True)


def _reverse(
    session: Session,
    invite: ReferralInvite,
    conversion: Conversion,
    act: Act,
    shortfall: Shortfall,
    earning: ledger.EarningRules,
    facts: Document,
) -> TakenBack:
    entries, points = list[ledger.Entry](), {}
    for member_id, effect in ((invite.member_id, REFERRER), (conversion.friend_id, REFEREE)):
        origin = ledger.Origin(member_id, SOURCE, ids.encode(invite.id), effect)
        credit = ledger.find_credit(session, origin)
        if credit is not None and credit.left:
            metadata = {"referral_code": invite.code, **facts}
            done = ledger.reverse_credit(session, origin, credit, credit.left, shortfall, act.now, metadata)
            if done.entry is not None:
                entries.append(done.entry)
                ledger.drop_idle_week(session, member_id, credit.qualifies_at, earning)
            points[effect] = credit.left
    voided = facts["cause"] == Cause.VOIDED
    invite.status, invite.reversed_at, invite.voided = InviteStatus.REVERSED, act.now, voided
    session.flush()
    audit.record(
        session,
        act,
        action=ACTIONS[facts["cause"]],
        object_type="referral",
        object_id=ids.encode(invite.id),
        before={"status": InviteStatus.CONVERTED},
        after={"status": invite.status, "pointsTakenBack": points},
    )
    return TakenBack(invite, entries)


class SidePreview(NamedTuple):
    """What a void would do to one side: their balance before and after, and what they would owe besides."""

    user_id: str
    name: str
    before: int
    after: int
    pending: int
    owed: int


def preview_void(session: Session, invite_id: UUID, now: datetime, shortfall: Shortfall) -> list[SidePreview]:
    """What voiding a conversion would take from both sides, who invited first; writes and locks nothing."""
    previews = []
    for side in session.execute(_BOTH, {"id": invite_id}):
        origin = ledger.Origin(side.id, SOURCE, ids.encode(invite_id), side.effect)
        credit = ledger.find_credit(session, origin)
        reach = ledger.read_reach(session, side.id, SOURCE, ids.encode(invite_id), now)
        wanted = ledger.Wanted(side.effect, credit.left if credit is not None else 0)
        (taken,) = ledger.plan_reversals(reach, [wanted], shortfall)
        pending = sum(taken.pending.values())
        after = side.balance - taken.from_lots
        previews.append(SidePreview(side.user_id, side.name, side.balance, after, pending, taken.owed))
    return previews
