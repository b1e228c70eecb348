"""Schedules: read from the file, and the slots that follow, also when clocks change."""

from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from portal.config import Settings
from portal.jobs.schedules import Schedule, load_schedules
from portal.jobs.web import scheduler
from portal.platform.queue import QueueName
from portal.platform.web.application import Portal

BERLIN, UTC_ZONE = ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")
NIGHTLY = Schedule("nightly", "a.b", daily_at=time(2, 30), catch_up=3)
QUARTERS = Schedule("quarters", "a.b", every_minutes=15, catch_up=4)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_the_runbooks_jobs_are_scheduled_and_their_functions_exist(app: Portal) -> None:
    schedules = app.extensions["schedules"]
    assert {
        "loyalty_progression": "run_loyalty_progression",
        "loyalty_nudge_aggregation": "aggregate_loyalty_nudges",
        "loyalty_analytics_snapshot": "capture_loyalty_analytics_snapshot",
    }.items() <= {job_id: schedule.name for job_id, schedule in schedules.items()}.items()
    assert schedules["loyalty_nudge_aggregation"].every_minutes == 10
    for schedule in schedules.values():
        if schedule.enabled:
            with app.app_context():
                assert schedule.load()(moment("2026-03-04T00:00"))


def test_ticks_are_functions_without_arguments_on_a_declared_queue() -> None:
    assert scheduler.TICKS == {"portal-tick": ("portal.jobs.web.jobs.tick", 10)}
    assert [name.value for name in QueueName] == ["critical", "messages", "sweeps"]


def test_the_cadence_of_the_progression_is_a_setting() -> None:
    schedules = load_schedules(Settings(loyalty_progression_minutes=60))
    assert schedules["loyalty_progression"].every_minutes == 60
    with pytest.raises(ValueError, match="must divide a day"):
        load_schedules(Settings(loyalty_progression_minutes=7))


@pytest.mark.parametrize(
    "entry",
    ['function = "a.b"', 'function = "a.b"\nevery_minutes = 5\ndaily_at = "01:00"', 'function = "a.b"\nhourly = 1'],
)
def test_an_entry_that_makes_no_sense_is_refused(tmp_path: Path, entry: str) -> None:
    path = tmp_path / "schedules.toml"
    path.write_text(f"[job]\n{entry}\n")
    with pytest.raises(ValueError, match="job"):
        load_schedules(Settings(), path)


@pytest.mark.parametrize(
    ("now", "last", "following"),
    [
        ("2026-03-04T10:07", "2026-03-04T10:00", "2026-03-04T10:15"),
        ("2026-03-04T10:15", "2026-03-04T10:15", "2026-03-04T10:30"),
        ("2026-03-04T23:59", "2026-03-04T23:45", "2026-03-05T00:00"),
    ],
)
def test_slots_of_minutes_count_from_midnight(now: str, last: str, following: str) -> None:
    assert QUARTERS.last_slot(moment(now), BERLIN) == moment(last)
    assert QUARTERS.next_slot(moment(now), BERLIN) == moment(following)


def test_every_day_has_one_slot_when_clocks_go_forward_and_back() -> None:
    for begin, days in (("2026-03-26T12:00", 6), ("2026-10-22T12:00", 6)):
        slots, now = [], moment(begin)
        for _ in range(days):
            now = NIGHTLY.next_slot(now, BERLIN)
            slots.append(now.astimezone(BERLIN).date())
        assert slots == [slots[0] + timedelta(days=n) for n in range(days)]


def test_missed_slots_are_due_once_the_latest_of_them_and_only_after_the_one_seen() -> None:
    now = moment("2026-03-04T10:07")
    assert QUARTERS.due_slots(None, now, UTC_ZONE) == [moment("2026-03-04T10:00")]
    assert QUARTERS.due_slots(moment("2026-03-04T10:00"), now, UTC_ZONE) == []
    assert QUARTERS.due_slots(moment("2026-03-04T09:30"), now, UTC_ZONE) == [
        moment("2026-03-04T09:45"),
        moment("2026-03-04T10:00"),
    ]
    assert QUARTERS.due_slots(moment("2026-03-01T09:30"), now, UTC_ZONE) == [
        moment(f"2026-03-04T{at}") for at in ("09:15", "09:30", "09:45", "10:00")
    ]
