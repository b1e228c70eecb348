"""Nightly snapshots of segments, velocity and liability."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Mapped, mapped_column

from portal.platform.db import Base


class AnalyticsSnapshot(Base):
    """The programme's figures as of one night; one row per night. `details` are what only the consoles show."""

    __tablename__ = "loyalty_analytics_snapshots"

    night: Mapped[date] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(unique=True)
    captured_at: Mapped[datetime]
    figures: Mapped[dict[str, Any]]
    details: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
