"""`flask worker`, `flask scheduler` and `flask jobs`."""

import sys
from datetime import datetime

import click
from flask import Flask, current_app
from flask.cli import AppGroup, with_appcontext

from portal.jobs import runner, runs
from portal.jobs.web import scheduler, worker
from portal.jobs.web.schedules import get_schedules
from portal.platform import clock
from portal.platform.clock import in_utc, parse_moment
from portal.platform.db import unit_of_work
from portal.platform.documents import to_json
from portal.platform.settings import current_settings

jobs = AppGroup("jobs", help="List and run scheduled jobs.")


@click.command("worker")
@click.option("--burst", is_flag=True, help="Stop when the queues are empty.")
@with_appcontext
def run_worker(burst: bool) -> None:
    """Work on queued jobs."""
    worker.work(_app(), burst=burst)


@click.command("scheduler")
@with_appcontext
def run_scheduler() -> None:
    """Enqueue what is due."""
    scheduler.run(_app())


@jobs.command("list")
def list_jobs() -> None:
    """Print each job with its schedule and next slot."""
    zone, now = current_settings().programme_timezone, clock.now()
    for schedule in get_schedules().values():
        upcoming = schedule.next_slot(now, zone).isoformat() if schedule.enabled else "disabled"
        click.echo(f"{schedule.id:<28} {schedule.name:<36} {schedule.words:<18} {upcoming}")


@jobs.command("run")
@click.argument("job_id", metavar="ID")
@click.option(
    "--at", "moment", metavar="TIME", help="Work as of this RFC 3339 time; without an offset, programme time."
)
def run_job(job_id: str, moment: str | None) -> None:
    """Run a job now and print its metrics as JSON."""
    schedule = get_schedules().get(job_id)
    if schedule is None:
        raise click.ClickException(f"There is no job {job_id}. Jobs: {', '.join(get_schedules())}.")
    at = _parse(moment) if moment else clock.now()
    with unit_of_work() as session:
        run = runs.begin_by_hand(session, job_id, at)
    outcome = runner.carry_out(run, schedule, moment=at)
    with unit_of_work() as session:
        _, figures = runs.get_progress(session, run)
    click.echo(to_json(figures).decode())
    if outcome != "succeeded":
        click.echo(f"The run {outcome}; the log says why.", err=True)
        sys.exit(1)


def _parse(text: str) -> datetime:
    try:
        return _of_the_programme(text) or parse_moment(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is not an RFC 3339 time, such as 2024-03-04T12:00:00+00:00") from error


def _of_the_programme(text: str) -> datetime | None:
    """Parse a time without an offset as programme time; None if the text is anything else."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if moment.tzinfo else in_utc(moment.replace(tzinfo=current_settings().programme_timezone))


def _app() -> Flask:
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # werkzeug's proxy is untyped
    return app
