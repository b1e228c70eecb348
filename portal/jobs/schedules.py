"""Schedules are data: `schedules.toml` defines them, and this module computes their slots."""

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from portal.config import Settings
from portal.platform.steps import Step

PATH = Path(__file__).resolve().parent.parent / "schedules.toml"
JobFunction = Callable[[datetime], list[Step]]


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a job runs. Exactly one of `every_minutes` and `daily_at` is set."""

    id: str
    function: str
    every_minutes: int | None = None
    daily_at: time | None = None
    catch_up: int = 1
    enabled: bool = True

    def __post_init__(self) -> None:
        if (self.every_minutes is None) == (self.daily_at is None):
            raise ValueError(f"{self.id} needs either every_minutes or daily_at")
        if self.every_minutes is not None and (self.every_minutes < 1 or 1440 % self.every_minutes):
            raise ValueError(f"{self.id}: every_minutes must divide a day")

    @property
    def name(self) -> str:
        """The function's own name."""
        return self.function.rpartition(".")[2]

    @property
    def words(self) -> str:
        """When it runs, for people."""
        if self.daily_at is not None:
            return f"daily at {self.daily_at:%H:%M}"
        return f"every {self.every_minutes} minutes"

    def load(self) -> JobFunction:
        """The function: given a slot, the steps of its run."""
        module, _, name = self.function.rpartition(".")
        function: JobFunction = getattr(import_module(module), name)
        return function

    def last_slot(self, now: datetime, zone: ZoneInfo) -> datetime:
        """The latest slot that is not after `now`."""
        if self.every_minutes is not None:
            midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
            step = timedelta(minutes=self.every_minutes)
            return midnight + (now - midnight) // step * step
        today = now.astimezone(zone).date()
        slot = self._on(today, zone)
        return slot if slot <= now else self._on(today - timedelta(days=1), zone)

    def next_slot(self, after: datetime, zone: ZoneInfo) -> datetime:
        """The first slot after a moment."""
        if self.every_minutes is not None:
            return self.last_slot(after, zone) + timedelta(minutes=self.every_minutes)
        return self._on(self.last_slot(after, zone).astimezone(zone).date() + timedelta(days=1), zone)

    def due_slots(self, seen: datetime | None, now: datetime, zone: ZoneInfo) -> list[datetime]:
        """The latest `catch_up` slots after `seen` and up to `now`; only the latest if `seen` is None."""
        slot, slots = self.last_slot(now, zone), list[datetime]()
        while len(slots) < (self.catch_up if seen else 1) and (seen is None or slot > seen):
            slots.append(slot)
            slot = self.last_slot(slot - timedelta(microseconds=1), zone)
        return slots[::-1]

    def _on(self, day: date, zone: ZoneInfo) -> datetime:
        """The slot of a day; even a local time that is skipped or repeated has exactly one."""
        assert self.daily_at is not None
        return datetime.combine(day, self.daily_at, tzinfo=zone).astimezone(UTC)


def load_schedules(settings: Settings, path: Path = PATH) -> dict[str, Schedule]:
    """All schedules by job id; a string for `every_minutes` is the name of a setting.

    :raises ValueError: if an entry is invalid.
    """
    with path.open("rb") as file:
        entries = tomllib.load(file)
    return {job_id: _read(job_id, fields, settings) for job_id, fields in entries.items()}


def _read(job_id: str, fields: dict[str, Any], settings: Settings) -> Schedule:
    values = dict(fields)
    if "daily_at" in values:
        values["daily_at"] = time.fromisoformat(values["daily_at"])
    if isinstance(values.get("every_minutes"), str):
        values["every_minutes"] = getattr(settings, values["every_minutes"].lower())
    try:
        return Schedule(id=job_id, **values)
    except TypeError as error:
        raise ValueError(f"{job_id}: {error}") from error
