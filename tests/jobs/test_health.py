"""`GET /api/v1/scheduler/health`: what runs, what waits, what is overdue."""

from datetime import timedelta
from typing import Any

from flask.testing import FlaskClient

from portal.jobs.web import jobs, worker
from portal.jobs.web.schemas import SchedulerHealth
from portal.platform import clock, outbox
from portal.platform.db import unit_of_work
from portal.platform.queue import QueueName, enqueue
from portal.platform.web.application import Portal
from tests.factories.accounts import bearer, make_token, make_user, sign_in

URL = "/api/v1/scheduler/health"


def health(app: Portal) -> dict[str, Any]:
    with unit_of_work() as session:
        headers = bearer(make_token(session, "admin"))
    answer = app.test_client().get(URL, headers=headers)
    assert answer.status_code == 200
    SchedulerHealth.model_validate(answer.json)
    document: dict[str, Any] = answer.json
    return document


def work_off(app: Portal) -> None:
    """Do what the queues hold, as a worker does."""
    jobs.tick()
    worker.work(app, burst=True)


def test_before_anything_ran_its_slots_are_overdue(fresh_app: Portal) -> None:
    document = health(fresh_app)
    assert document["status"] == "stale"
    assert document["workers"] == 0
    assert [queue["name"] for queue in document["queues"]] == ["critical", "messages", "sweeps"]
    assert [job["lastRunAt"] for job in document["jobs"]] == [None] * 5


def test_after_the_slots_were_done_the_sweeps_figures_are_shown(fresh_app: Portal) -> None:
    work_off(fresh_app)
    document = health(fresh_app)
    progression = document["jobs"][0]
    assert progression["lastStatus"] == "succeeded"
    assert progression["function"] == "run_loyalty_progression"
    assert progression["schedule"] == "every 15 minutes"
    assert progression["metrics"]["expired_points"] == {"entries": 0, "points": 0, "members": 0}
    assert progression["lastDurationMs"] > 0
    assert progression["nextRunAt"] > clock.now().isoformat()
    assert document["status"] == "degraded", "no worker lives any more"


def test_a_slot_that_nobody_did_makes_it_stale(fresh_app: Portal) -> None:
    work_off(fresh_app)
    with clock.at(clock.now() + timedelta(minutes=20)):
        assert health(fresh_app)["status"] == "stale"


def test_queues_and_the_outbox_show_depth_and_age(fresh_app: Portal) -> None:
    for _ in range(2):
        enqueue(QueueName.SWEEPS, "portal.jobs.web.jobs.tick")
    with unit_of_work() as session:
        outbox.put(session, "test.topic", [{"name": "a"}])
    with clock.at(clock.now() + timedelta(seconds=90)):
        document = health(fresh_app)
    sweeps = document["queues"][2]
    assert (sweeps["depth"], sweeps["failed"]) == (2, 0)
    assert 90 <= sweeps["oldestAgeSeconds"] < 95
    assert document["outbox"]["pending"] == 1
    assert 90 <= document["outbox"]["oldestAgeSeconds"] < 95


def test_members_may_not_see_it(client: FlaskClient, session: Any) -> None:
    assert client.get(URL).status_code == 401
    sign_in(client, make_user(session))
    assert client.get(URL).status_code == 403
