"""Earning rules with all their versions, what they have granted, and the events that shops have told."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from portal.platform.db import Base
from portal.platform.documents import Document


class EarningRule(Base):
    """A rule by its slug, and which of its versions holds."""

    __tablename__ = "loyalty_earning_rules"

    slug: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    __table_args__ = (CheckConstraint("version > 0", name="version"),)


class EarningRuleVersion(Base):
    """A version: its terms as they were written. The database refuses to change or delete one."""

    __tablename__ = "loyalty_earning_rule_versions"

    slug: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    terms: Mapped[Document]
    created_at: Mapped[datetime]
    created_by: Mapped[str]

    __table_args__ = (
        ForeignKeyConstraint(["slug"], ["loyalty_earning_rules.slug"]),
        CheckConstraint("version > 0", name="version"),
        CheckConstraint("jsonb_typeof(terms) = 'object'", name="terms"),
    )


class EarningGrant(Base):
    """What a rule has granted a member for one cause, and how much of that was taken back.

    The cause is an order, an event, a birthday …: `source` and `external_id`. `episode` counts the members that an
    order has had, so that one which comes back begins anew. `at` is the date that windows of limits go by; `facts` are
    what its explanation is made of.
    """

    __tablename__ = "loyalty_earning_grants"

    member_id: Mapped[UUID] = mapped_column(ForeignKey("loyalty_members.id"), primary_key=True)
    source: Mapped[str] = mapped_column(primary_key=True)
    external_id: Mapped[str] = mapped_column(primary_key=True)
    episode: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    slug: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int]
    at: Mapped[datetime]
    granted: Mapped[int] = mapped_column(BigInteger)
    reversed: Mapped[int] = mapped_column(BigInteger)
    facts: Mapped[Document]
    changed_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["slug", "version"], ["loyalty_earning_rule_versions.slug", "loyalty_earning_rule_versions.version"]
        ),
        CheckConstraint("granted >= 0", name="granted"),
        CheckConstraint("reversed >= 0 AND reversed <= granted", name="reversed"),
        CheckConstraint("jsonb_typeof(facts) = 'object'", name="facts"),
        Index("ix_loyalty_earning_grants_window", "member_id", "slug", "at"),
        Index("ix_loyalty_earning_grants_cause", "source", "external_id"),
        Index("ix_loyalty_earning_grants_slug", "slug", "changed_at"),
    )


class EarningEntitlement(Base):
    """A grant that a member can have once in a period, and for what they have it; deleted when that is taken back.

    A birthday's is kept even if it brought nothing, so that it is judged once; its period is the day, `2026-12-10`.
    """

    __tablename__ = "loyalty_earning_entitlements"

    member_id: Mapped[UUID] = mapped_column(ForeignKey("loyalty_members.id"), primary_key=True)
    slug: Mapped[str] = mapped_column(primary_key=True)
    period: Mapped[str] = mapped_column(primary_key=True)
    source: Mapped[str]
    external_id: Mapped[str]
    used_at: Mapped[datetime]


class EarningTotal(Base):
    """The net points that a rule with a limit for the whole programme has granted. Its row lock is taken last."""

    __tablename__ = "loyalty_earning_totals"

    slug: Mapped[str] = mapped_column(ForeignKey("loyalty_earning_rules.slug"), primary_key=True)
    points: Mapped[int] = mapped_column(BigInteger)


class Event(Base):
    """What a shop said that a member did, and what it was answered. Its id counts once, for ever.

    The attributes are not kept, as they may be personal: `digest` is keyed and of the whole content, so that the same
    event told again is recognised.
    """

    __tablename__ = "loyalty_events"

    event_id: Mapped[str] = mapped_column(primary_key=True)
    member_id: Mapped[UUID] = mapped_column(ForeignKey("loyalty_members.id"))
    event_type: Mapped[str]
    occurred_at: Mapped[datetime]
    received_at: Mapped[datetime]
    actor: Mapped[str]
    digest: Mapped[bytes]
    answer: Mapped[Document]
