"""The append-only ledger, the lots that credits open, and the debits and holds that take from them."""

from datetime import date, datetime
from enum import StrEnum
from typing import Self
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from portal.platform.db import Base
from portal.platform.documents import Document


class EntryType(StrEnum):
    """Every type of point change (CONTRACT 3). Its line here defines it, except for its labels.

    `sign` is 1 for a type that only credits, -1 for one that only debits, 0 for one that does both. A credit of an
    `earned` type counts towards tiers.
    """

    sign: int
    earned: bool

    ORDER = "order", 1, True
    REFERRAL_BONUS = "referral_bonus", 1, True
    REFERRAL_WELCOME = "referral_welcome", 1, True
    STREAK_BONUS = "streak_bonus", 1, True
    REDEMPTION = "redemption", -1, False
    EXPIRATION = "expiration", -1, False
    ADJUSTMENT = "adjustment", 0, True
    REVERSAL = "reversal", 0, False
    RECOVERY = "recovery", -1, False
    EVENT = "event", 1, True
    BIRTHDAY = "birthday", 1, True
    SIGN_UP = "sign_up", 1, True

    def __new__(cls, name: str, sign: int, earned: bool) -> Self:
        """Make the enum member with its sign and whether it is earned."""
        member = str.__new__(cls, name)
        member._value_, member.sign, member.earned = name, sign, earned
        return member


EARNED = tuple(kind.value for kind in EntryType if kind.earned)
# Credits of these pay what the member owes; what is given by hand or given back does not (CONTRACT-EARNING 8.5, R4).
PAYING = tuple(kind.value for kind in EntryType if kind.sign > 0)
_TYPES = tuple(kind.value for kind in EntryType)
_DEBITS = tuple(kind.value for kind in EntryType if kind.sign < 0)


class LedgerEntry(Base):
    """One point change. Never updated or deleted; `seq` orders a member's entries.

    Holds no personal data and no text: its metadata are codes, ids and amounts that the portal itself writes.

    `qualifying` is what it adds to the points that open tiers (taken back: negative), by the date `qualifies_at`, so
    that any window is one sum. `posted_at` is when it was written; `programme_version` the settings then.
    """

    __tablename__ = "loyalty_ledger_entries"

    member_id: Mapped[UUID] = mapped_column(ForeignKey("loyalty_members.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    id: Mapped[UUID]
    occurred_at: Mapped[datetime]
    entry_type: Mapped[str]
    amount: Mapped[int] = mapped_column(BigInteger)
    balance_after: Mapped[int] = mapped_column(BigInteger)
    qualifying: Mapped[int] = mapped_column(BigInteger)
    qualifies_at: Mapped[datetime]
    posted_at: Mapped[datetime]
    programme_version: Mapped[int]
    entry_metadata: Mapped[Document] = mapped_column("metadata")
    source: Mapped[str]
    external_id: Mapped[str]
    effect: Mapped[str]

    __table_args__ = (
        UniqueConstraint("member_id", "id"),
        UniqueConstraint("member_id", "source", "external_id", "effect", name="uq_loyalty_ledger_entries_effect"),
        CheckConstraint(f"entry_type IN {_TYPES}", name="entry_type"),
        CheckConstraint("amount <> 0 OR entry_type = 'reversal'", name="amount"),
        CheckConstraint(
            f"(entry_type NOT IN {PAYING} OR amount > 0) AND (entry_type NOT IN {_DEBITS} OR amount < 0)",
            name="sign",
        ),
        CheckConstraint("balance_after >= 0", name="balance_after"),
        CheckConstraint("seq > 0", name="seq"),
        Index("ix_loyalty_ledger_entries_id", "id"),
        Index("ix_loyalty_ledger_entries_type", "member_id", "entry_type", "seq"),
        Index("ix_loyalty_ledger_entries_timeline", "member_id", "occurred_at", "seq"),
        Index("ix_loyalty_ledger_entries_occurred_at", "occurred_at", postgresql_using="brin"),
    )


class LedgerText(Base):
    """What people wrote about an entry, and facts learned later: beside the entry, so that it can be erased.

    `description` is what the member reads (None: the portal's own words), `note` is for operators only. `metadata` are
    the writer's own keys; they are shown merged into the entry's metadata and never replace any of it.
    """

    __tablename__ = "loyalty_ledger_texts"

    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    entry_id: Mapped[UUID] = mapped_column(primary_key=True)
    description: Mapped[str | None]
    note: Mapped[str | None]
    text_metadata: Mapped[Document] = mapped_column("metadata")

    __table_args__ = (
        ForeignKeyConstraint(
            ["member_id", "entry_id"], ["loyalty_ledger_entries.member_id", "loyalty_ledger_entries.id"]
        ),
        CheckConstraint("jsonb_typeof(metadata) = 'object'", name="metadata"),
    )


class PointLot(Base):
    """The points of one credit: how many are left, how many of those are on hold, and when the rest expires.

    A lot has the id and the `seq` of the entry that opened it. `restored` is all that was ever given back to it by
    restores of what debits had taken; `extended_at` is when its date was moved for one, once (CONTRACT-EARNING R9).
    """

    __tablename__ = "loyalty_point_expirations"

    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    points: Mapped[int] = mapped_column(BigInteger)
    remaining: Mapped[int] = mapped_column(BigInteger)
    held: Mapped[int] = mapped_column(BigInteger, server_default="0")
    opened_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    restored: Mapped[int] = mapped_column(BigInteger, server_default="0")
    extended_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(["member_id", "id"], ["loyalty_ledger_entries.member_id", "loyalty_ledger_entries.id"]),
        CheckConstraint("points > 0", name="points"),
        CheckConstraint("remaining >= 0 AND remaining <= points", name="remaining"),
        CheckConstraint("held >= 0 AND held <= remaining", name="held"),
        CheckConstraint("restored >= 0", name="restored"),
        CheckConstraint("extended_at IS NULL OR (restored > 0 AND expires_at IS NOT NULL)", name="extended"),
        Index(
            "ix_loyalty_point_expirations_live",
            "member_id",
            "expires_at",
            "seq",
            postgresql_where=text("remaining > 0"),
        ),
        Index(
            "ix_loyalty_point_expirations_due",
            "expires_at",
            "member_id",
            postgresql_where=text("remaining > held AND expires_at IS NOT NULL"),
        ),
    )


class PendingEntry(Base):
    """A credit that waits: outside balance, tiers and streaks until it is activated, which posts its ledger entry.

    `granted` is all that was put aside, `points` what is left of it to activate or, once `activated_at` is set, what
    was posted as `entry_id`. It and its entry have the same `source`, `external_id` and `effect`, so that it is
    posted at most once. `qualifies_at`, `qualifies_tier` and `week` are what the entry will count for; its lot lives
    for `expiry_months` from the activation (0: for ever).
    """

    __tablename__ = "loyalty_pending_credits"

    member_id: Mapped[UUID] = mapped_column(ForeignKey("loyalty_members.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    entry_type: Mapped[str]
    source: Mapped[str]
    external_id: Mapped[str]
    effect: Mapped[str]
    granted: Mapped[int] = mapped_column(BigInteger)
    points: Mapped[int] = mapped_column(BigInteger)
    qualifies_tier: Mapped[bool]
    qualifies_at: Mapped[datetime]
    week: Mapped[date | None]
    activates_at: Mapped[datetime]
    expiry_months: Mapped[int]
    entry_metadata: Mapped[Document] = mapped_column("metadata")
    created_at: Mapped[datetime]
    activated_at: Mapped[datetime | None]
    entry_id: Mapped[UUID | None]

    __table_args__ = (
        # Led by what belongs together, because that activates together, whoever has it.
        UniqueConstraint("source", "external_id", "member_id", "effect", name="uq_loyalty_pending_credits_effect"),
        ForeignKeyConstraint(
            ["member_id", "entry_id"], ["loyalty_ledger_entries.member_id", "loyalty_ledger_entries.id"]
        ),
        CheckConstraint("granted > 0", name="granted"),
        CheckConstraint("points >= 0 AND points <= granted", name="points"),
        CheckConstraint("expiry_months >= 0", name="expiry_months"),
        CheckConstraint("extract(isodow FROM week) = 1", name="monday"),
        CheckConstraint("(activated_at IS NULL) = (entry_id IS NULL)", name="activated"),
        CheckConstraint("activated_at IS NULL OR points > 0", name="posted"),
        Index(
            "ix_loyalty_pending_credits_due",
            "activates_at",
            "member_id",
            postgresql_where=text("activated_at IS NULL AND points > 0"),
        ),
        Index(
            "ix_loyalty_pending_credits_open",
            "member_id",
            "activates_at",
            postgresql_where=text("activated_at IS NULL AND points > 0"),
        ),
    )


class LotDebit(Base):
    """How many points a debit entry took from which lot, or (negative) a restore gave back to it.

    Explains every balance and lets it be recomputed: a lot has left what it was opened with, less the sum of these.
    """

    __tablename__ = "loyalty_lot_debits"

    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    entry_id: Mapped[UUID] = mapped_column(primary_key=True)
    lot_id: Mapped[UUID] = mapped_column(primary_key=True)
    points: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (
        ForeignKeyConstraint(
            ["member_id", "entry_id"], ["loyalty_ledger_entries.member_id", "loyalty_ledger_entries.id"]
        ),
        ForeignKeyConstraint(
            ["member_id", "lot_id"], ["loyalty_point_expirations.member_id", "loyalty_point_expirations.id"]
        ),
        CheckConstraint("points <> 0", name="points"),
        Index("ix_loyalty_lot_debits_lot", "member_id", "lot_id"),
    )


class HoldAllocation(Base):
    """How many points an open hold reserves in which lot; deleted when the hold is resolved."""

    __tablename__ = "loyalty_hold_allocations"

    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    redemption_id: Mapped[UUID] = mapped_column(primary_key=True)
    lot_id: Mapped[UUID] = mapped_column(primary_key=True)
    points: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (
        ForeignKeyConstraint(
            ["member_id", "lot_id"], ["loyalty_point_expirations.member_id", "loyalty_point_expirations.id"]
        ),
        ForeignKeyConstraint(
            ["member_id", "redemption_id"], ["loyalty_redemptions.member_id", "loyalty_redemptions.id"]
        ),
        CheckConstraint("points > 0", name="points"),
    )


class StreakWeek(Base):
    """A week (its Monday, in the programme's time zone) in which a member earned points other than a streak bonus."""

    __tablename__ = "loyalty_streak_weeks"

    member_id: Mapped[UUID] = mapped_column(ForeignKey("loyalty_members.id"), primary_key=True)
    week: Mapped[date] = mapped_column(primary_key=True)
    length: Mapped[int]
    paid_entry_id: Mapped[UUID | None]

    __table_args__ = (
        CheckConstraint("length > 0", name="length"),
        CheckConstraint("extract(isodow FROM week) = 1", name="monday"),
        ForeignKeyConstraint(
            ["member_id", "paid_entry_id"], ["loyalty_ledger_entries.member_id", "loyalty_ledger_entries.id"]
        ),
        Index(
            "ix_loyalty_streak_weeks_unpaid",
            "week",
            "member_id",
            postgresql_where=text("paid_entry_id IS NULL"),
        ),
    )


class LedgerCheck(Base):
    """What one check of a verification found: how many differences, and the first of them."""

    __tablename__ = "ledger_checks"

    slot: Mapped[datetime] = mapped_column(primary_key=True)
    check_name: Mapped[str] = mapped_column(primary_key=True)
    checked_at: Mapped[datetime]
    differences: Mapped[int]
    examples: Mapped[list[Document]]

    __table_args__ = (CheckConstraint("differences >= 0", name="differences"),)
