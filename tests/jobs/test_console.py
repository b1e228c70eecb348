"""The console of operations: what runs, what was given up, and what operators do about it."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from portal.jobs import by_hand, runs
from portal.jobs.models import JobRun
from portal.platform import clock, ids, outbox
from portal.platform.audit import Act
from portal.platform.models import AuditEntry, OutboxMessage
from tests.factories.accounts import csrf, make_user, sign_in
from tests.statements import counted

OPERATIONS = "/admin/operations"
PURGE = f"{OPERATIONS}/schedules/nightly_purge/run"
PAGES = ["", "/runs", "/failed", "/outbox", "/ledger"]


@pytest.fixture
def operator(session: Session, client: FlaskClient) -> FlaskClient:
    """A client in which an operator is signed in."""
    sign_in(client, make_user(session, id="olu", role="operator"))
    return client


@pytest.fixture
def admin(session: Session, client: FlaskClient) -> FlaskClient:
    """A client in which an admin is signed in."""
    sign_in(client, make_user(session, id="amy", role="admin"))
    return client


@pytest.fixture
def given_up(session: Session) -> dict[str, str]:
    """Dead and uncertain work: the path of each."""
    paths = {}
    for status in ("dead", "uncertain"):
        outbox.put(session, "tier_upgrade", [{"member_id": "none"}])
        row = session.scalars(select(OutboxMessage).where(OutboxMessage.status == "pending")).one()
        row.status, row.finished_at, row.last_error, row.attempts = status, clock.now(), "No such host", 10
        session.flush()
        paths[status] = f"{OPERATIONS}/failed/{ids.encode(row.id)}"
    return paths


def post(client: FlaskClient, path: str, reason: str) -> int:
    form = {"csrf_token": csrf(client), "idempotency_key": ids.encode(ids.new_id()), "reason": reason}
    return client.post(path, data=form).status_code


def audited(session: Session, action: str) -> AuditEntry:
    return session.scalars(select(AuditEntry).where(AuditEntry.action == action)).one()


@pytest.mark.parametrize("path", PAGES)
def test_a_page_sends_at_most_eight_statements(operator: FlaskClient, session: Session, path: str) -> None:
    with counted(session) as sent:
        assert operator.get(OPERATIONS + path).status_code == 200
    assert len(sent) <= 8, sent


def test_the_overview_names_every_schedule_and_queue(operator: FlaskClient) -> None:
    page = operator.get(OPERATIONS).text
    assert page.count('data-testid="schedule"') == len(operator.application.extensions["schedules"])
    assert "capture_loyalty_analytics_snapshot" in page
    assert "sweeps" in page
    assert "Run now" not in page


def test_an_admin_runs_a_job_now_and_sees_how_it_goes(admin: FlaskClient, session: Session) -> None:
    assert "Run now" in admin.get(OPERATIONS).text
    assert post(admin, PURGE, " ") == 422
    assert post(admin, PURGE, "Disk is filling up") == 303
    assert post(admin, PURGE, "once more") == 409
    run = session.scalars(select(JobRun)).one()
    assert (run.status, run.by_hand, run.asked_by) == ("due", True, "user:amy")
    entry = audited(session, "job.run")
    assert (entry.actor, entry.reason, entry.object_id) == ("user:amy", "Disk is filling up", "nightly_purge")
    page = admin.get(f"{OPERATIONS}/runs/nightly_purge/{run.slot:%Y%m%dT%H%M%S%f}").text
    assert 'data-status="due"' in page
    assert 'hx-trigger="every 2s"' in page


def test_a_run_that_nobody_was_woken_for_is_announced_by_the_next_tick(session: Session) -> None:
    slot = by_hand.ask_for_run(session, "nightly_purge", Act("user:amy", clock.now(), "why not"))
    assert runs.announce_due(session) == [("nightly_purge", slot)]


def test_a_run_at_a_terminal_is_announced_to_nobody(session: Session) -> None:
    runs.begin_by_hand(session, "nightly_purge", clock.now())
    with clock.at(clock.now() + timedelta(hours=1)):
        assert runs.announce_due(session) == []


def test_a_failed_run_is_tried_again(admin: FlaskClient, session: Session) -> None:
    slot = clock.now().replace(microsecond=0)
    runs.open_slots(session, "nightly_purge", [slot])
    run = runs.claim_run(session, "nightly_purge", slot)
    assert run is not None
    runs.fail(session, run, {}, "OSError: disk full", for_good=True)
    path = f"{OPERATIONS}/runs/nightly_purge/{slot:%Y%m%dT%H%M%S%f}"
    page = admin.get(path).text
    assert "disk full" in page
    assert "hx-trigger" not in page.split('id="run"')[1].split(">")[0]
    assert post(admin, f"{path}/retry", "") == 422
    assert post(admin, f"{path}/retry", "There is room again") == 303
    assert post(admin, f"{path}/retry", "again") == 409
    session.expire_all()
    assert session.get_one(JobRun, ("nightly_purge", slot)).status == "due"
    assert audited(session, "job.retry").before == {
        "slot": slot.isoformat(),
        "status": "failed",
        "error": "OSError: disk full",
    }


@pytest.mark.parametrize("path", ["runs/nightly_purge/never", "runs/nightly_purge/20260101T000000000000"])
def test_an_unknown_run_is_not_found(operator: FlaskClient, path: str) -> None:
    assert operator.get(f"{OPERATIONS}/{path}").status_code == 404


def test_runs_are_filtered_and_exported(operator: FlaskClient, session: Session) -> None:
    now = clock.now()
    runs.open_slots(session, "nightly_purge", [now - timedelta(days=day) for day in range(3)])
    runs.begin_by_hand(session, "loyalty_progression", now)
    rows = 'data-testid="row"'
    assert operator.get(f"{OPERATIONS}/runs").text.count(rows) == 4
    assert operator.get(f"{OPERATIONS}/runs?job=nightly_purge").text.count(rows) == 3
    assert operator.get(f"{OPERATIONS}/runs?how=hand").text.count(rows) == 1
    assert operator.get(f"{OPERATIONS}/runs?status=running").text.count(rows) == 1
    assert operator.get(f"{OPERATIONS}/runs?status=lost").status_code == 422
    assert len(operator.get(f"{OPERATIONS}/runs?format=csv").text.splitlines()) == 5


def test_dead_work_is_tried_again(operator: FlaskClient, session: Session, given_up: dict[str, str]) -> None:
    assert "No such host" in operator.get(f"{OPERATIONS}/failed").text
    assert post(operator, f"{given_up['dead']}/retry", "") == 422
    assert post(operator, f"{given_up['dead']}/retry", "The host is back") == 303
    assert session.scalar(text("SELECT count(*) FROM outbox WHERE status = 'pending' AND attempts = 0")) == 1
    assert audited(session, "outbox.retry").reason == "The host is back"


def test_uncertain_work_is_put_away_and_never_tried_again(
    operator: FlaskClient, session: Session, given_up: dict[str, str]
) -> None:
    assert post(operator, f"{given_up['uncertain']}/retry", "please") == 409
    assert post(operator, f"{given_up['uncertain']}/close", "They have it") == 303
    assert session.scalar(text("SELECT count(*) FROM outbox WHERE status = 'done'")) == 1
    assert audited(session, "outbox.close").before == {
        "status": "uncertain",
        "topic": "tier_upgrade",
        "error": "No such host",
    }


def test_unknown_work_is_refused(operator: FlaskClient) -> None:
    assert operator.get(f"{OPERATIONS}/failed/nonsense/close").status_code == 404
    assert post(operator, f"{OPERATIONS}/failed/{ids.encode(ids.new_id())}/close", "gone") == 409


def test_the_outbox_lists_what_waits(operator: FlaskClient, session: Session) -> None:
    outbox.put(session, "tier_upgrade", [{"member_id": "one"}, {"member_id": "two"}])
    assert operator.get(f"{OPERATIONS}/outbox").text.count('data-testid="row"') == 2
    assert operator.get(f"{OPERATIONS}/outbox?topic=other").text.count('data-testid="row"') == 0
