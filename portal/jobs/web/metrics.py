"""Metrics of jobs, queues and the outbox for Prometheus, read from the database and Redis at each scrape."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric

from portal.jobs.durations import get_durations
from portal.jobs.health import get_health
from portal.jobs.web.schedules import get_schedules
from portal.platform import clock
from portal.platform.queue import client
from portal.platform.settings import current_settings

STATUSES = ("ok", "degraded", "stale")
QUEUE_FIGURES = (
    ("depth", "depth", "Jobs that wait for a worker."),
    ("oldest_age_seconds", "oldestAgeSeconds", "How long the first of them has waited."),
    ("failed", "failed", "Jobs that ended with an error, of the last week."),
)


def collect() -> Iterator[Metric]:
    """The health document as gauges, and how long jobs took."""
    health = get_health(get_schedules().values(), client(), clock.now(), current_settings().programme_timezone)
    yield _family(
        "portal_scheduler_status",
        "1 for the scheduler's status.",
        "status",
        [(status, float(status == health["status"])) for status in STATUSES],
    )
    jobs, queues, outbox = health["jobs"], health["queues"], health["outbox"]
    yield get_durations()
    yield _family(
        "portal_job_last_duration_seconds",
        "Duration of the latest run.",
        "job",
        [(job["id"], job["lastDurationMs"] / 1000) for job in jobs if job["lastDurationMs"] is not None],
    )
    yield _family(
        "portal_job_last_success",
        "1 when the latest run succeeded.",
        "job",
        [(job["id"], float(job["lastStatus"] == "succeeded")) for job in jobs if job["lastStatus"]],
    )
    yield _family(
        "portal_job_last_run_timestamp_seconds",
        "When the latest run began.",
        "job",
        [(job["id"], job["lastRunAt"].timestamp()) for job in jobs if job["lastRunAt"]],
    )
    for name, key, words in QUEUE_FIGURES:
        yield _family(
            f"portal_queue_{name}",
            words,
            "queue",
            [(queue["name"], queue[key]) for queue in queues if queue[key] is not None],
        )
    yield GaugeMetricFamily("portal_workers", "Workers that live.", health["workers"])
    yield GaugeMetricFamily("portal_outbox_pending", "Messages of the outbox that wait.", outbox["pending"])
    yield GaugeMetricFamily("portal_outbox_oldest_age_seconds", "Age of the oldest.", outbox["oldestAgeSeconds"])
    yield GaugeMetricFamily("portal_outbox_uncertain", "Messages that need an operator.", outbox["uncertain"])


def _family(name: str, help_text: str, label: str, values: list[tuple[str, float]]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, help_text, labels=[label])
    for of, value in values:
        family.add_metric([of], value)
    return family
