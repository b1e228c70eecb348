"""Schedulers and a worker whose clock runs fast, with one job: a point for a member at every slot."""

import os
import signal
import sys
from datetime import UTC, datetime

from portal import ledger
from portal.jobs.schedules import Schedule
from portal.jobs.web import scheduler, worker
from portal.ledger.models import EntryType
from portal.members.membership import lock_member_of_user
from portal.platform import clock
from portal.platform.db import unit_of_work
from portal.platform.steps import Figures, Shard, Step
from portal.platform.web.application import Portal

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
SPEED = 20


def beat(slot: datetime) -> list[Step]:
    """Credit the member a point for the slot."""

    def work(_: Shard) -> Figures | None:
        with unit_of_work() as session:
            member = lock_member_of_user(session, "beat")
            assert member is not None
            posting = ledger.Posting(member.id, 1, EntryType.ORDER, "beat", slot.isoformat(), "earn", clock.now())
            fresh = ledger.post(session, [posting], clock.now()).entries[0].created
        return {"points": 1} if fresh else None

    return [Step("beat", work, ("points",))]


SCHEDULES = {"beat": Schedule("beat", f"{__name__}.beat", every_minutes=1, catch_up=1000)}


def hurry(began: float) -> Portal:
    """The application, its clock at BEGIN at the real time `began` and SPEED times as fast, with one job."""
    real = clock.real_now
    clock.real_now = lambda: BEGIN + (real() - datetime.fromtimestamp(began, UTC)) * SPEED
    scheduler.TICKS = {"portal-tick": ("portal.jobs.web.jobs.tick", 1)}
    scheduler.POLL_SECONDS, scheduler.ASSERT_SECONDS = 0.2, 2
    from wsgi import app

    app.extensions["schedules"] = SCHEDULES
    return app


def breed(app: Portal) -> None:
    """Fork a scheduler for every line that comes in, and say its pid: a start that costs no time."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            scheduler.run(app)
            os._exit(0)
        print(pid, flush=True)


if __name__ == "__main__":
    hurried = hurry(float(sys.argv[2]))
    with hurried.app_context():
        {"worker": worker.work, "schedulers": breed}[sys.argv[1]](hurried)
