"""Versions of the programme's settings: a changed setting makes a new one, which ledger entries name from then on."""

from datetime import datetime

from sqlalchemy import CheckConstraint, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.config import Settings
from portal.platform.db import Base
from portal.platform.documents import Document, to_json
from portal.programme.settings import list_settings

BUSINESS = ("Programme", "Referrals", "Nudges")

_RECORD = text("""
    INSERT INTO programme_versions (at, settings)
    SELECT :now, CAST(:settings AS jsonb)
    WHERE CAST(:settings AS jsonb) IS DISTINCT FROM (SELECT settings FROM programme_versions ORDER BY id DESC LIMIT 1)
    RETURNING id
""")
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended('programme_versions', 0))")


class ProgrammeVersion(Base):
    """The settings of the business from `at` on, until the next version. Ledger entries name theirs."""

    __tablename__ = "programme_versions"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    settings: Mapped[Document]

    __table_args__ = (CheckConstraint("jsonb_typeof(settings) = 'object'", name="settings"),)


def record_version(session: Session, settings: Settings, now: datetime) -> int | None:
    """Record the settings of the business if they differ from those recorded last; returns the number of the version.

    None means that nothing has changed.
    """
    groups = list_settings(settings)
    values = {setting.variable: setting.value for name in BUSINESS for setting in groups[name]}
    session.execute(_ONE_AT_A_TIME)
    number: int | None = session.scalar(_RECORD, {"now": now, "settings": to_json(values).decode()})
    return number
