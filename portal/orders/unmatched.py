"""Refunds that came before their order: kept until it comes, and applied in its transaction (CONTRACT-EARNING 8.2)."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.orders.problems import RefundConflict, RefundNotFound
from portal.orders.state import RefundInput, StoredRefund, store_refund
from portal.platform.db import Base
from portal.platform.db.reads import read_one
from portal.platform.documents import Document

# SQL: lets those who make an order and those who look for it in vain take turns, so that no refund is missed.
LOCK_REFUNDS = "pg_advisory_xact_lock(hashtextextended('order:' || :reference, 0))"
_LOCK = text(f"SELECT {LOCK_REFUNDS}")
_LOCK_MANY = text("""
    SELECT pg_advisory_xact_lock(number) FROM (
        SELECT DISTINCT hashtextextended('order:' || reference, 0) AS number
        FROM unnest(CAST(:references AS text[])) reference ORDER BY number) sorted
""")
_CLAIM = text("DELETE FROM loyalty_unmatched_refunds WHERE reference = :reference RETURNING refund_id, content")

_IS_UNMATCHED = text("""
    SELECT received_at FROM loyalty_unmatched_refunds WHERE reference = :reference AND refund_id = :refund_id
""")


class UnmatchedRefund(Base):
    """A refund of an order that is not known yet; its content is as orders keep their refunds."""

    __tablename__ = "loyalty_unmatched_refunds"

    reference: Mapped[str] = mapped_column(primary_key=True)
    refund_id: Mapped[str] = mapped_column(primary_key=True)
    content: Mapped[Document]
    received_at: Mapped[datetime]

    __table_args__ = (Index("ix_loyalty_unmatched_refunds_received_at", "received_at", "reference", "refund_id"),)


def lock_reference(session: Session, reference: str) -> None:
    """Let whoever makes an order of this reference be done first, or wait; an order that was made can be seen then."""
    session.execute(_LOCK, {"reference": reference})


def lock_references(session: Session, references: Collection[str]) -> None:
    """As `lock_reference` for each, in one order whoever asks. These locks come before those of orders."""
    session.execute(_LOCK_MANY, {"references": list(references)})


def keep_unmatched(session: Session, reference: str, refund: RefundInput, now: datetime) -> None:
    """Keep a refund until its order comes; the same again changes nothing. The caller holds `lock_reference`.

    :raises RefundConflict: if another refund has this id.
    """
    known = session.get(UnmatchedRefund, (reference, refund.refund_id))
    if known is None:
        stored = StoredRefund.model_construct(**dict(refund), received_at=now, points=None)
        content = store_refund(stored)
        session.add(UnmatchedRefund(reference=reference, refund_id=refund.refund_id, content=content, received_at=now))
        session.flush()
    elif not StoredRefund.model_validate(known.content).says(refund):
        raise RefundConflict


def drop_unmatched(session: Session, reference: str, refund_id: str) -> None:
    """Forget a refund that waits for its order. The caller holds `lock_reference`.

    :raises RefundNotFound: if there is none.
    """
    known = session.get(UnmatchedRefund, (reference, refund_id))
    if known is None:
        raise RefundNotFound
    session.delete(known)
    session.flush()


def is_unmatched(reference: str, refund_id: str) -> bool:
    """Whether this refund waits for its order."""
    return read_one(_IS_UNMATCHED, {"reference": reference, "refund_id": refund_id}) is not None


def claim_unmatched(session: Session, reference: str) -> list[Document]:
    """The refunds that have waited for this order, which was made now, by id; from now on they are the order's."""
    rows = session.execute(_CLAIM, {"reference": reference}).all()
    return [row.content for row in sorted(rows)]
