"""Job runs, one per (job, slot); their parts, which workers claim in the database; and how long runs took."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.platform.db import Base


class RunStatus(StrEnum):
    """Due and running are open; the others are final."""

    DUE = "due"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


STATUSES = tuple(status.value for status in RunStatus)
PART_STATUSES = ("due", "running", "done")
OUTCOMES = ("succeeded", "failed", "retried")


class JobRun(Base):
    """One slot of one schedule, or one run by hand. Only the holder of the current fencing token `fence` may finish it.

    `asked_by` requested a run by hand, which workers carry out; if it is null, the process that began it does.
    """

    __tablename__ = "job_runs"

    job_id: Mapped[str] = mapped_column(primary_key=True)
    slot: Mapped[datetime] = mapped_column(primary_key=True)
    by_hand: Mapped[bool] = mapped_column(server_default="false")
    asked_by: Mapped[str | None]
    status: Mapped[str]
    fence: Mapped[int] = mapped_column(server_default="0")
    attempts: Mapped[int] = mapped_column(server_default="0")
    next_attempt_at: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    metrics: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    error: Mapped[str | None]

    __table_args__ = (
        CheckConstraint(f"status IN {STATUSES}", name="status"),
        CheckConstraint("(status IN ('due', 'running')) = (finished_at IS NULL)", name="finished"),
        CheckConstraint("(status = 'running') = (lease_until IS NOT NULL)", name="lease"),
        CheckConstraint("status = 'due' OR started_at IS NOT NULL", name="started"),
        Index("ix_job_runs_open", "next_attempt_at", postgresql_where=text("status IN ('due', 'running')")),
        Index("ix_job_runs_started_at", "job_id", "started_at"),
        Index("ix_job_runs_slot", "slot"),
    )


class JobPart(Base):
    """A part of a run: one shard of one step. Parts that are done are not repeated when the run is retried."""

    __tablename__ = "job_parts"

    job_id: Mapped[str] = mapped_column(primary_key=True)
    slot: Mapped[datetime] = mapped_column(primary_key=True)
    step: Mapped[str] = mapped_column(primary_key=True)
    shard: Mapped[int] = mapped_column(primary_key=True)
    shards: Mapped[int]
    place: Mapped[int]
    status: Mapped[str] = mapped_column(server_default="due")
    fence: Mapped[int] = mapped_column(server_default="0")
    lease_until: Mapped[datetime | None]
    metrics: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))

    __table_args__ = (
        ForeignKeyConstraint(["job_id", "slot"], ["job_runs.job_id", "job_runs.slot"], ondelete="CASCADE"),
        CheckConstraint(f"status IN {PART_STATUSES}", name="status"),
        CheckConstraint("(status = 'running') = (lease_until IS NOT NULL)", name="lease"),
        CheckConstraint("shard >= 0 AND shard < shards", name="shard"),
    )


class JobDuration(Base):
    """A histogram bucket: attempts of a job with this outcome that took up to `bound` seconds, and their total seconds.

    Each attempt is counted only in the lowest bucket it fits. The totals only grow, even when the runs are purged.
    """

    __tablename__ = "job_durations"

    job_id: Mapped[str] = mapped_column(primary_key=True)
    outcome: Mapped[str] = mapped_column(primary_key=True)
    bound: Mapped[float] = mapped_column(primary_key=True)
    runs: Mapped[int] = mapped_column(BigInteger)
    seconds: Mapped[float]

    __table_args__ = (CheckConstraint(f"outcome IN {OUTCOMES}", name="outcome"),)
