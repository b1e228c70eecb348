"""`/metrics`: in Prometheus' own format, with counters that only grow, whoever counted and whatever was purged."""

from datetime import timedelta
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families as parse
from sqlalchemy import text

from portal.jobs.durations import BOUNDS
from portal.jobs.runner import carry_out
from portal.jobs.runs import begin_by_hand
from portal.jobs.schedules import Schedule
from portal.jobs.web import jobs, nightly, worker
from portal.notifications.channels import Envelope, Receipt
from portal.notifications.delivery import send_once, suppress
from portal.notifications.models import ChannelName
from portal.platform import clock, ids
from portal.platform.db import unit_of_work
from portal.platform.steps import EVERYBODY, Step
from portal.platform.web.application import Portal
from tests.concurrency import at_once

TYPES = {
    "portal_request_seconds": "histogram",
    "portal_job_duration_seconds": "histogram",
    "portal_messages": "counter",
    "portal_queue_depth": "gauge",
    "portal_queue_oldest_age_seconds": "gauge",
    "portal_outbox_pending": "gauge",
    "portal_outbox_oldest_age_seconds": "gauge",
    "portal_job_last_success": "gauge",
    "portal_workers": "gauge",
}


def scrape(app: Portal) -> dict[str, Any]:
    """Every family by name, as Prometheus reads them."""
    answer = app.test_client().get("/metrics")
    assert answer.status_code == 200
    families = list(parse(answer.text))
    assert len(families) == len({family.name for family in families}), "each family comes once"
    return {family.name: family for family in families}


def value(families: dict[str, Any], sample: str, **labels: str) -> float:
    """The figure of a sample, 0 when it is not there yet."""
    found = [
        each.value
        for family in families.values()
        for each in family.samples
        if each.name == sample and labels.items() <= each.labels.items()
    ]
    return sum(found)


def fail(_: Any) -> Any:
    """A job that cannot be done."""
    raise RuntimeError("no")


def run_by_hand(schedule: Schedule) -> str:
    with unit_of_work() as session:
        run = begin_by_hand(session, schedule.id, clock.now())
    return carry_out(run, schedule, moment=clock.now())


def send(name: str) -> None:
    letter = Envelope(name, "ada@example.com", "Subject", "text", "<p>", "short", "http://localhost/")
    send_once(name, "tier_upgrade", ChannelName.EMAIL, lambda _: Receipt("smtp"), lambda _: letter, user_id=None)


def test_prometheus_can_read_every_family(fresh_app: Portal) -> None:
    jobs.tick()
    worker.work(fresh_app, burst=True)
    send("one")
    families = scrape(fresh_app)
    assert {name: family.type for name, family in families.items() if name in TYPES} == TYPES
    assert all(family.documentation for family in families.values())
    assert value(families, "portal_job_last_success", job="loyalty_progression") == 1
    assert value(families, "portal_queue_depth", queue="sweeps") == 0


def test_a_jobs_runs_and_seconds_add_up_by_outcome(fresh_app: Portal) -> None:
    good, bad = fresh_app.extensions["schedules"]["nightly_purge"], Schedule("bad", f"{__name__}.fail", every_minutes=5)
    assert [run_by_hand(good), run_by_hand(bad), run_by_hand(good)] == ["succeeded", "failed", "succeeded"]
    families = scrape(fresh_app)
    histogram = "portal_job_duration_seconds"
    assert value(families, f"{histogram}_count", job="nightly_purge", outcome="succeeded") == 2
    assert value(families, f"{histogram}_count", job="bad", outcome="failed") == 1
    assert 0 < value(families, f"{histogram}_sum", job="nightly_purge") < 20
    buckets = [
        (sample.labels["le"], sample.value)
        for sample in families[histogram].samples
        if sample.name.endswith("_bucket") and sample.labels["job"] == "nightly_purge"
    ]
    assert [float(bound) for bound, _ in buckets] == list(BOUNDS)
    assert [count for _, count in buckets] == sorted(count for _, count in buckets)
    assert buckets[-1] == ("+Inf", 2)


def test_messages_are_counted_by_channel_and_outcome_and_each_outcome_once(fresh_app: Portal) -> None:
    for name in ("one", "two", "two"):
        send(name)
    for _ in range(2):
        suppress("three", "nudge", "marketing_off", user_id=None)
    families = scrape(fresh_app)
    assert value(families, "portal_messages_total", kind="tier_upgrade", channel="email", outcome="sent") == 2
    assert value(families, "portal_messages_total", kind="nudge", channel="none", outcome="suppressed") == 1


def test_nothing_is_lost_when_many_count_at_once_or_old_rows_are_purged(fresh_app: Portal) -> None:
    at_once(fresh_app, 6, lambda number: [send(f"{number}-{ids.encode(ids.new_id())}") for _ in range(5)])
    assert run_by_hand(fresh_app.extensions["schedules"]["nightly_purge"]) == "succeeded"
    with clock.at(clock.now() + timedelta(days=400)):
        for step in nightly.purge_old_records(clock.now()):
            while step.work(EVERYBODY):
                pass
    with unit_of_work() as session:
        assert session.scalar(text("SELECT (SELECT count(*) FROM messages) + (SELECT count(*) FROM job_runs)")) == 0
    families = scrape(fresh_app)
    assert value(families, "portal_messages_total", outcome="sent") == 30
    assert value(families, "portal_job_duration_seconds_count", job="nightly_purge") == 1


@pytest.mark.parametrize("table", ["job_durations", "message_totals"])
def test_what_is_read_at_a_scrape_does_not_grow_with_the_work(fresh_app: Portal, table: str) -> None:
    for number in range(40):
        send(str(number))
        with unit_of_work() as session:
            run = begin_by_hand(session, "nightly_purge", clock.now())
        carry_out(run, Schedule("nightly_purge", f"{__name__}.nothing", every_minutes=5))
    with unit_of_work() as session:
        assert session.scalar(text(f"SELECT count(*) FROM {table}")) <= 16


def nothing(_: Any) -> list[Step]:
    """A job that finds nothing to do."""
    return [Step("nothing", lambda _: None, ())]
