"""Imports of members: a file as it was checked, row by row, to be applied all or nothing."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlalchemy.orm import Mapped, mapped_column

from portal.platform.db import Base


class ImportStatus(StrEnum):
    """`checked` waits for an operator, `applying` for a worker; the others are final."""

    CHECKED = "checked"
    APPLYING = "applying"
    APPLIED = "applied"
    REFUSED = "refused"


class Outcome(StrEnum):
    """What applying a row does, or `refused`."""

    NEW = "new"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


_STATUSES = tuple(status.value for status in ImportStatus)
_OUTCOMES = tuple(outcome.value for outcome in Outcome)


class MemberImport(Base):
    """One file. `figures` counts its rows by outcome and its points; `over_staff`: it may change staff."""

    __tablename__ = "member_imports"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    file_name: Mapped[str]
    status: Mapped[str]
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    figures: Mapped[dict[str, Any]]
    over_staff: Mapped[bool]
    reason: Mapped[str | None]
    announce: Mapped[bool] = mapped_column(server_default="false")
    confirmed_by: Mapped[str | None]
    confirmed_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    error: Mapped[str | None]

    __table_args__ = (
        CheckConstraint(f"status IN {_STATUSES}", name="status"),
        CheckConstraint("(status = 'checked') = (confirmed_at IS NULL)", name="confirmed"),
        CheckConstraint("(status IN ('applied', 'refused')) = (finished_at IS NOT NULL)", name="finished"),
        Index("ix_member_imports_created_at", "created_at"),
    )


class MemberImportRow(Base):
    """One row of a file, by its line. Null keeps a user's value; `row_key` makes its points be credited once."""

    __tablename__ = "member_import_rows"

    import_id: Mapped[UUID] = mapped_column(ForeignKey("member_imports.id", ondelete="CASCADE"), primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    user_id: Mapped[str]
    email: Mapped[str | None]
    email_normalized: Mapped[str | None]
    name: Mapped[str | None]
    phone_number: Mapped[str | None]
    timezone: Mapped[str | None]
    locale: Mapped[str | None]
    birthday: Mapped[str | None]
    marketing_messages: Mapped[bool | None]
    points: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[datetime | None]
    row_key: Mapped[str]
    outcome: Mapped[str]
    credited_before: Mapped[bool]
    problems: Mapped[list[str]] = mapped_column(ARRAY(TEXT))

    __table_args__ = (
        CheckConstraint("points >= 0", name="points"),
        CheckConstraint(f"outcome IN {_OUTCOMES}", name="outcome"),
        CheckConstraint("(outcome = 'refused') = (cardinality(problems) > 0)", name="problems"),
        Index("ix_member_import_rows_outcome", "import_id", "outcome", "line"),
    )
