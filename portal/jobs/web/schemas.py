"""Shapes of the scheduler's API."""

from typing import Any, Literal

from portal.platform.schemas import Answer, Timestamp


class ScheduledJob(Answer):
    """A job, its latest run and its next slot. `metrics` are figures by step of the run."""

    id: str
    function: str
    schedule: str
    enabled: bool
    last_run_at: Timestamp | None
    last_status: Literal["running", "retrying", "succeeded", "failed"] | None
    last_duration_ms: float | None
    next_run_at: Timestamp | None
    metrics: dict[str, Any]


class QueueHealth(Answer):
    """A queue of workers' jobs; nulls while Redis is away."""

    name: str
    depth: int | None
    oldest_age_seconds: float | None
    failed: int | None


class OutboxHealth(Answer):
    """Work that commits have asked for and that is not done yet."""

    pending: int
    oldest_age_seconds: float
    uncertain: int


class SchedulerHealth(Answer):
    """Whether everything runs: `stale` when a slot is overdue, `degraded` when something failed or is away."""

    status: Literal["ok", "degraded", "stale"]
    jobs: list[ScheduledJob]
    queues: list[QueueHealth]
    workers: int
    outbox: OutboxHealth
