"""Earning rules and all their versions."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKeyConstraint
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
