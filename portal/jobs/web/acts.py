"""What operators can do in the console of operations, each with a reason: run now, retry, close, drop."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from uuid import UUID

from flask import Response, after_this_request, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal.accounts.web import Access, acting, guarded
from portal.jobs import by_hand, queues
from portal.jobs.schedules import Schedule
from portal.jobs.web import jobs
from portal.jobs.web.console import SLOT, bp, parse_slot
from portal.jobs.web.schedules import get_schedules
from portal.platform import audit
from portal.platform.console.acts import Question, ask, attempt, done
from portal.platform.db import db
from portal.platform.outbox import repair as outbox_repair
from portal.platform.problems import NotFound
from portal.platform.queue import client
from portal.platform.web.forms import ReasonForm

WORK = {
    "retry": Question(
        "Try this again?", "Try again", "", "It begins anew at the first attempt. What is done already is not repeated."
    ),
    "close": Question(
        "Put this away?",
        "Put away",
        "",
        "It leaves this list and is not done. If somebody still needs it, see to it another way first.",
        danger=True,
    ),
}
QUEUED: dict[str, tuple[Question, Callable[..., str], str]] = {
    "retry": (WORK["retry"], queues.retry_job, "The job is in its queue again."),
    "drop": (
        Question("Forget this job?", "Forget", "", "Work that it was to wake a worker for waits in the database."),
        queues.drop_job,
        "The job is forgotten.",
    ),
}


@bp.route("/runs/<job_id>/<slot>/retry", methods=["GET", "POST"])
@guarded(Access.CONSOLE_OWNER)
def retry_run(job_id: str, slot: str) -> AnyResponse:
    """Ask for the reason, then have workers do the rest of a failed run."""
    form, moment, back = ReasonForm(), parse_slot(slot), _run_url(job_id, slot)
    question = Question("Try this run again?", "Try again", back, "Only what is left of it is done.")
    if not form.validate_on_submit():
        return ask(form, question)
    problem = attempt(partial(by_hand.retry_run, db.session(), job_id, moment, acting(form.reason.data or "")))
    if problem:
        return ask(form, question, problem)
    _wake_afterwards(job_id, moment)
    return done("The run is tried again.", back)


@bp.route("/schedules/<job_id>/run", methods=["GET", "POST"])
@guarded(Access.CONSOLE_OWNER)
def run_now(job_id: str) -> AnyResponse:
    """Ask for the reason, then have a worker run the job now."""
    form, schedule = ReasonForm(), _schedule(job_id)
    question = Question(
        f"Run {schedule.id} now?",
        "Run now",
        url_for("operations_console.overview"),
        "A worker does it at once, beside its schedule. Nothing takes effect twice.",
    )
    if not form.validate_on_submit():
        return ask(form, question)
    slots: list[datetime] = []
    problem = attempt(lambda: slots.append(by_hand.ask_for_run(db.session(), job_id, acting(form.reason.data or ""))))
    if problem:
        return ask(form, question, problem)
    _wake_afterwards(job_id, slots[0])
    return done("The run is asked for. This page shows how it goes.", _run_url(job_id, f"{slots[0]:{SLOT}}"))


@bp.route("/failed/<ulid:message_id>/<any(retry, close):verb>", methods=["GET", "POST"])
@guarded(Access.CONSOLE)
def repair(message_id: UUID, verb: str) -> AnyResponse:
    """Ask for the reason, then retry or close outbox work that was given up."""
    form, back = ReasonForm(), url_for("operations_console.failed")
    question = _back_to(WORK[verb], back)
    if not form.validate_on_submit():
        return ask(form, question)
    act = outbox_repair.revive if verb == "retry" else outbox_repair.close
    problem = attempt(partial(act, db.session(), message_id, acting(form.reason.data or "")))
    if problem:
        return ask(form, question, problem)
    return done("It is tried again." if verb == "retry" else "It is put away.", back)


@bp.route("/queues/<queue>/<job_id>/<any(retry, drop):verb>", methods=["GET", "POST"])
@guarded(Access.CONSOLE)
def repair_job(queue: str, job_id: str, verb: str) -> AnyResponse:
    """Ask for the reason, then requeue or drop a failed job."""
    form, back = ReasonForm(), url_for("operations_console.failed")
    asked, act, past = QUEUED[verb]
    question = _back_to(asked, back)
    if not form.validate_on_submit():
        return ask(form, question)

    def carry_out() -> None:
        function = act(client(), queue, job_id)
        audit.record(
            db.session(),
            acting(form.reason.data or ""),
            action=f"queue.{verb}",
            object_type="queue",
            object_id=queue,
            before={"job": job_id, "function": function},
        )

    problem = attempt(carry_out)
    return ask(form, question, problem) if problem else done(past, back)


def _wake_afterwards(job_id: str, slot: datetime) -> None:
    """Wake a worker once the request has committed; if the wake-up is lost, the next tick repeats it."""

    @after_this_request
    def wake(response: Response) -> Response:
        jobs.wake_run(job_id, slot)
        return response


def _schedule(job_id: str) -> Schedule:
    schedule = get_schedules().get(job_id)
    if schedule is None:
        raise NotFound
    return schedule


def _run_url(job_id: str, slot: str) -> str:
    return url_for("operations_console.show_run", job_id=job_id, slot=slot)


def _back_to(question: Question, back: str) -> Question:
    return Question(question.title, question.submit, back, question.consequence, question.danger)
