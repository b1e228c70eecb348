"""The console of operations beside real queues: a run by a worker, jobs that failed, and Redis away."""

import time
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text

from portal.jobs.models import JobRun
from portal.jobs.web import worker
from portal.jobs.web.tables import CHECKS as WORDS
from portal.ledger.checks import list_last_checks
from portal.ledger.verify import CHECKS
from portal.platform import ids
from portal.platform.db import unit_of_work
from portal.platform.models import AuditEntry
from portal.platform.queue import QueueName, queue
from portal.platform.web.application import Portal
from tests import databases
from tests.factories.accounts import csrf, make_user, sign_in
from tests.factories.loyalty import make_member

OPERATIONS = "/admin/operations"


def fail() -> None:
    """A job that cannot be done."""
    raise OSError("no such host")


def admin_of(app: Portal) -> FlaskClient:
    client = app.test_client()
    with unit_of_work() as session:
        sign_in(client, make_user(session, id="amy", role="admin"))
    return client


@pytest.fixture
def admin(fresh_app: Portal) -> FlaskClient:
    """A client in which an admin is signed in, of an application with queues."""
    return admin_of(fresh_app)


@pytest.fixture
def admin_without_redis(servers: databases.Servers, app: Portal) -> Iterator[FlaskClient]:
    """A client in which an admin is signed in, while no Redis answers."""
    application = databases.make_app(servers, servers.create("away"), redis_url="redis://127.0.0.1:1/0")
    with application.app_context():
        yield admin_of(application)
        databases.dispose(application)
    servers.drop("away")


def post(client: FlaskClient, path: str, reason: str = "as agreed") -> int:
    form = {"csrf_token": csrf(client), "idempotency_key": ids.encode(ids.new_id()), "reason": reason}
    return client.post(path, data=form).status_code


def audited(action: str) -> AuditEntry:
    with unit_of_work() as session:
        return session.scalars(select(AuditEntry).where(AuditEntry.action == action)).one()


def test_a_worker_does_the_run_that_was_asked_for(admin: FlaskClient, fresh_app: Portal) -> None:
    assert post(admin, f"{OPERATIONS}/schedules/nightly_purge/run") == 303
    worker.work(fresh_app, burst=True)
    with unit_of_work() as session:
        run = session.scalars(select(JobRun)).one()
        assert (run.status, run.asked_by, run.attempts) == ("succeeded", "user:amy", 1)
    page = admin.get(f"{OPERATIONS}/runs/nightly_purge/{run.slot:%Y%m%dT%H%M%S%f}").text
    assert 'data-status="succeeded"' in page
    assert "message_totals" not in page


def test_a_verification_is_kept_with_its_differences(admin: FlaskClient, fresh_app: Portal) -> None:
    assert "has not been checked yet" in admin.get(f"{OPERATIONS}/ledger").text
    with unit_of_work() as session:
        make_member(session, make_user(session, id="ada"), points=100)
        session.execute(text("UPDATE loyalty_members SET balance = 90"))
    assert post(admin, f"{OPERATIONS}/schedules/ledger_verification/run") == 303
    worker.work(fresh_app, burst=True)
    checks = list_last_checks()
    assert {check.check_name for check in checks} == set(CHECKS) == set(WORDS)
    found = {check.check_name: check.examples for check in checks if check.differences}
    assert sorted(found) == ["balance", "balance_in_lots"]
    assert [(one["userId"], one["stored"], one["recomputed"]) for one in found["balance"]] == [("ada", 90, 100)]
    page = admin.get(f"{OPERATIONS}/ledger").text
    assert "2 differences" in page
    assert page.count('data-differences="1"') == 2


@pytest.mark.parametrize(("verb", "waiting"), [("retry", 1), ("drop", 0)])
def test_a_failed_job_is_tried_again_or_forgotten(
    admin: FlaskClient, fresh_app: Portal, verb: str, waiting: int
) -> None:
    job = queue(QueueName.SWEEPS).enqueue(f"{__name__}.fail", failure_ttl=60)
    worker.work(fresh_app, burst=True)
    page = admin.get(f"{OPERATIONS}/failed").text
    assert "OSError: no such host" in page
    path = f"{OPERATIONS}/queues/sweeps/{job.id}/{verb}"
    assert post(admin, path, reason="") == 422
    assert post(admin, path) == 303
    assert queue(QueueName.SWEEPS).count == waiting
    assert queue(QueueName.SWEEPS).failed_job_registry.get_job_count(cleanup=False) == 0
    entry = audited(f"queue.{verb}")
    assert (entry.reason, (entry.before or {})["function"]) == ("as agreed", f"{__name__}.fail")
    assert post(admin, path) == 409
    assert post(admin, f"{OPERATIONS}/queues/elsewhere/{job.id}/{verb}") == 409


def test_without_redis_the_pages_say_so_within_a_second(admin_without_redis: FlaskClient) -> None:
    admin_without_redis.get(OPERATIONS)
    for path, words in {"": "Redis is away", "/failed": "Redis is away"}.items():
        began = time.monotonic()
        page = admin_without_redis.get(OPERATIONS + path).text
        assert time.monotonic() - began < 1
        assert words in page
    assert "Redis is away" in admin_without_redis.get("/admin/").text


def test_without_redis_a_run_is_asked_for_all_the_same(admin_without_redis: FlaskClient) -> None:
    assert post(admin_without_redis, f"{OPERATIONS}/schedules/nightly_purge/run") == 303
    assert post(admin_without_redis, f"{OPERATIONS}/queues/sweeps/any/retry") == 409
    with unit_of_work() as session:
        assert session.scalars(select(JobRun.status)).one() == "due"
