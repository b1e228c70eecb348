"""Addresses of people without an account who asked for no more invites; only a hash of the address is kept."""

import hashlib
from datetime import datetime

from sqlalchemy import CheckConstraint, Index, LargeBinary
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.accounts import normalize_email
from portal.platform.db import Base
from portal.platform.problems import NotFound

SUPPRESSED_CHANNELS = ("email", "sms")


class MessageSuppression(Base):
    """One address that must not be written to on a channel, and why."""

    __tablename__ = "message_suppressions"

    channel: Mapped[str] = mapped_column(primary_key=True)
    address_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    reason: Mapped[str]
    created_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint(f"channel IN {SUPPRESSED_CHANNELS}", name="channel"),
        Index("ix_message_suppressions_created_at", "created_at"),
    )


def is_suppressed(session: Session, channel: str, address: str) -> bool:
    """Whether the person behind this address, however it is spelled, asked for no messages on the channel."""
    return session.get(MessageSuppression, (channel, hash_address(channel, address))) is not None


def suppress(session: Session, channel: str, address: str, *, reason: str, now: datetime) -> None:
    """Send nothing more to this address on the channel; a repeated call keeps the first reason."""
    suppress_hash(session, channel, hash_address(channel, address), reason=reason, now=now)


def suppress_hash(session: Session, channel: str, address_hash: bytes, *, reason: str, now: datetime) -> None:
    """As `suppress`, for an address of which only the hash is known."""
    values = {"channel": channel, "address_hash": address_hash, "reason": reason, "created_at": now}
    session.execute(insert(MessageSuppression).values(values).on_conflict_do_nothing())


def lift(session: Session, channel: str, address_hash: bytes) -> str:
    """Let messages reach an address again; returns the reason for which it was on the list.

    :raises portal.platform.problems.NotFound: if it is not on the list.
    """
    row = session.get(MessageSuppression, (channel, address_hash))
    if row is None:
        raise NotFound("This address is not on the list.")
    session.delete(row)
    session.flush()
    return row.reason


def hash_address(channel: str, address: str) -> bytes:
    """The stored form of an address: the hash of its normalised spelling."""
    return hashlib.sha256(f"{channel}:{plain_address(channel, address)}".encode()).digest()


def plain_address(channel: str, address: str) -> str:
    """The normalised form, equal for all spellings of one person's address or of one number."""
    return normalize_email(address) if channel == "email" else "+" + "".join(filter(str.isdigit, address))
