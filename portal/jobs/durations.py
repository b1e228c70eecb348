"""How long runs took and how they ended, stored as totals that only grow and that all workers add to."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from prometheus_client.core import HistogramMetricFamily
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.platform.db.reads import read_all

BOUNDS = (0.1, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 900.0, 1800.0, float("inf"))

_ADD = text("""
    INSERT INTO job_durations AS d (job_id, outcome, bound, runs, seconds)
    SELECT job_id, :outcome, (SELECT min(b) FROM unnest(CAST(:bounds AS float8[])) b WHERE b >= took), 1, took
    FROM (SELECT job_id, greatest(extract(epoch FROM :now - started_at), 0)::float8 AS took
          FROM job_runs WHERE job_id = :job_id AND slot = :slot) r
    ON CONFLICT (job_id, outcome, bound) DO UPDATE SET runs = d.runs + 1, seconds = d.seconds + excluded.seconds
""")
_TOTALS = text("SELECT job_id, outcome, bound, runs, seconds FROM job_durations ORDER BY job_id, outcome, bound")


class DurationRow(NamedTuple):
    """Runs of one job and outcome in the histogram bucket up to `bound` seconds, and their total `seconds`."""

    job_id: str
    outcome: str
    bound: float
    runs: int
    seconds: float


def add_duration(session: Session, job_id: str, slot: datetime, outcome: str, now: datetime) -> None:
    """Count the attempt at a run that ends now, in the transaction that ends it."""
    values = {"job_id": job_id, "slot": slot, "outcome": outcome, "now": now, "bounds": list(BOUNDS)}
    session.execute(_ADD, values)


def get_durations() -> HistogramMetricFamily:
    """The totals as a histogram by job and outcome."""
    family = HistogramMetricFamily(
        "portal_job_duration_seconds", "How long attempts at scheduled jobs took.", labels=["job", "outcome"]
    )
    found: dict[tuple[str, str], list[DurationRow]] = {}
    totals: list[DurationRow] = read_all(_TOTALS, {})
    for row in totals:
        found.setdefault((row.job_id, row.outcome), []).append(row)
    for labels, rows in found.items():
        family.add_metric(labels, _buckets(rows), sum(row.seconds for row in rows))
    return family


def _buckets(rows: Sequence[DurationRow]) -> list[tuple[str, float]]:
    names = [str(bound) if bound != BOUNDS[-1] else "+Inf" for bound in BOUNDS]
    counts = [sum(row.runs for row in rows if row.bound <= bound) for bound in BOUNDS]
    return list(zip(names, counts, strict=True))
