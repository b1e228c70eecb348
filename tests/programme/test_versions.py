"""A changed setting of the business makes a version, and ledger entries name the one they were posted by."""

from datetime import timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from portal.config import Settings
from portal.jobs.web.jobs import tick
from portal.ledger.models import LedgerEntry
from portal.platform import clock
from portal.platform.settings import current_settings
from portal.programme.versions import ProgrammeVersion, record_version
from tests.factories.loyalty import earn, make_member


def _changed(**values: object) -> Settings:
    return current_settings().model_copy(update=values)


def test_a_changed_setting_makes_a_version_and_the_same_settings_make_none(session: Session) -> None:
    first = record_version(session, current_settings(), clock.now())
    assert first is not None
    assert record_version(session, current_settings(), clock.now() + timedelta(hours=1)) is None
    second = record_version(session, _changed(points_expire_after_months=3), clock.now())
    assert second is not None
    assert second > first
    assert record_version(session, current_settings(), clock.now()) > second  # type: ignore[operator]  # back is a change, too
    kept = session.get_one(ProgrammeVersion, second)
    assert kept.settings["POINTS_EXPIRE_AFTER_MONTHS"] == "3"


def test_settings_of_the_instance_are_no_business_of_it(session: Session) -> None:
    record_version(session, current_settings(), clock.now())
    elsewhere = _changed(public_url="https://elsewhere.example", session_days=3)
    assert record_version(session, elsewhere, clock.now()) is None
    kept = session.scalars(select(ProgrammeVersion.settings).order_by(ProgrammeVersion.id.desc()).limit(1)).one()
    assert "SECRET_KEY" not in kept


def test_entries_name_the_version_they_were_posted_by(session: Session) -> None:
    member = make_member(session, points=5)
    number = record_version(session, _changed(streak_bonus_points=1), clock.now())
    earn(session, member, 7)
    entries = select(LedgerEntry.programme_version).where(LedgerEntry.member_id == member.id).order_by(LedgerEntry.seq)
    before, after = session.scalars(entries)
    assert after == number
    assert before < after


def test_the_tick_of_the_jobs_records_what_has_changed(session: Session) -> None:
    versions = text("SELECT count(*) FROM programme_versions")
    before = session.scalar(versions)
    tick()
    assert session.scalar(versions) == before + 1
    tick()
    assert session.scalar(versions) == before + 1
