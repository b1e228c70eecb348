"""Refunds: points of a fulfilled redemption come back, in parts or whole, and may be taken again (EARNING R8, R9)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from sqlalchemy.orm import Session

from portal import ledger, rewards
from portal.config import Settings
from portal.ledger import Shortfall
from portal.platform import audit, ids
from portal.platform.audit import Act
from portal.platform.documents import Document
from portal.platform.problems import Conflict
from portal.redemptions.lifecycle import NotFulfilled, lock_redemption
from portal.redemptions.models import Redemption, RedemptionStatus


@dataclass(frozen=True, slots=True)
class RestoreRules:
    """How long points live at least that come back, and what becomes of those that cannot be taken again."""

    grace: timedelta
    shortfall: Shortfall

    @classmethod
    def of(cls, settings: Settings) -> "RestoreRules":
        """The rules that these settings define."""
        return cls(timedelta(days=settings.restore_grace_days), Shortfall(settings.refund_shortfall))


class Named(Protocol):
    """A redemption, or a row that names one."""

    @property
    def member_id(self) -> UUID:
        """Whose it is."""

    @property
    def id(self) -> UUID:
        """Its id."""


class AlreadyRefunded(Conflict):
    """All of the redemption's points are back already; the response contains its `currentStatus`."""

    code = "redemption_already_refunded"
    title = "This redemption is refunded already"

    def __init__(self) -> None:
        super().__init__("All of its points are back.", extra={"currentStatus": RedemptionStatus.REFUNDED})


def refund_redemption(session: Session, redemption_id: UUID, act: Act, rules: RestoreRules) -> Redemption:
    """Give back what a fulfilled redemption took and was not given back yet, and its item. Written to the audit log.

    :raises RedemptionNotFound: if there is no such redemption.
    :raises AlreadyRefunded: if all of it is back.
    :raises NotFulfilled: if it was not fulfilled.
    """
    redemption = lock_redemption(session, redemption_id)
    if redemption.status == RedemptionStatus.REFUNDED:
        raise AlreadyRefunded
    if redemption.status != RedemptionStatus.FULFILLED:
        raise NotFulfilled(redemption.status)
    before = _figures(redemption)
    restore_part(session, redemption, redemption.points - redemption.restored, act, rules)
    audit.record(
        session,
        act,
        action="redemption.refunded",
        object_type="redemption",
        object_id=ids.encode(redemption.id),
        before=before,
        after=_figures(redemption),
    )
    return redemption


def plan_part(
    session: Session, redemption: Named, points: int, now: datetime, rules: RestoreRules
) -> list[ledger.Restored]:
    """Where so many points of a redemption would go back to, and when they would expire; writes nothing."""
    return ledger.plan_restore(session, _debit(redemption), points, now, rules.grace)


def restore_part(
    session: Session,
    redemption: Redemption,
    points: int,
    act: Act,
    rules: RestoreRules,
    metadata: Document | None = None,
) -> ledger.Entry:
    """Give back so many points of a fulfilled redemption; `metadata` says for what, beside the redemption.

    Once all of them are back it is refunded: the item returns to stock, and to what the member may have. The caller
    holds the member's row lock, and gives back no more than is missing.
    """
    _check(redemption, points, redemption.points - redemption.restored)
    entry = ledger.restore_points(
        session,
        _debit(redemption),
        points,
        act.now,
        grace=rules.grace,
        metadata=_facts(redemption, metadata),
        texts=_texts(redemption, act),
    )
    redemption.restored += points
    if redemption.restored == redemption.points:
        redemption.status, redemption.closed_at, redemption.closed_by = RedemptionStatus.REFUNDED, act.now, act.actor
    session.flush()
    if redemption.status == RedemptionStatus.REFUNDED and redemption.reward_id:
        rewards.give_back(session, [redemption.reward_id])
    return entry


def retake_part(
    session: Session,
    redemption: Redemption,
    points: int,
    act: Act,
    rules: RestoreRules,
    metadata: Document | None = None,
) -> ledger.Entry:
    """Take back so many points that were restored of a redemption, which stands again as far as that goes (R8).

    What the member does not have any more is owed or written off. A redemption that was refunded is fulfilled again,
    with its item. The caller holds the member's row lock, and takes no more than was restored.
    """
    _check(redemption, points, redemption.restored)
    entry = ledger.retake_points(
        session,
        _debit(redemption),
        points,
        rules.shortfall,
        act.now,
        metadata=_facts(redemption, metadata),
        texts=_texts(redemption, act),
    )
    was_refunded = redemption.status == RedemptionStatus.REFUNDED
    redemption.restored -= points
    redemption.status, redemption.closed_at = RedemptionStatus.FULFILLED, redemption.fulfilled_at
    session.flush()
    if was_refunded and redemption.reward_id:
        rewards.take_again(session, redemption.reward_id)
    return entry


def _check(redemption: Redemption, points: int, most: int) -> None:
    if not 0 < points <= most:
        raise ValueError(f"{points} points of redemption {redemption.id}, where {most} can be moved")


def _debit(redemption: Named) -> ledger.Debit:
    return ledger.Debit(redemption.member_id, "redemption", ids.encode(redemption.id))


def _facts(redemption: Redemption, metadata: Document | None) -> Document:
    return {**(metadata or {}), "redemption_id": ids.encode(redemption.id)}


def _texts(redemption: Redemption, act: Act) -> ledger.Texts:
    """The member reads what they had asked for; why it comes back is for operators."""
    return ledger.Texts(redemption.description, note=act.reason or None)


def _figures(redemption: Redemption) -> Document:
    return {"status": redemption.status, "restored": redemption.restored}
