"""Runs and the outbox as the consoles list them."""

from portal.core.outbox import handlers
from portal.core.tables import Choices, Column, Filter, Table
from portal.scheduling.models import STATUSES
from portal.scheduling.schedules import get_schedules

_REF = "to_char(r.slot AT TIME ZONE 'UTC', 'YYYYMMDD\"T\"HH24MISSUS')"
_CHOICES = tuple((status, status.capitalize()) for status in STATUSES)


def _jobs() -> Choices:
    return tuple((job_id, job_id.replace("_", " ").capitalize()) for job_id in sorted(get_schedules()))


def _topics() -> Choices:
    return tuple((topic, topic.replace("_", " ").replace(".", ": ").capitalize()) for topic in sorted(handlers))


RUNS = Table(
    name="runs", source="job_runs r", key=f"({_REF} || r.job_id)", key_type="text", order="-slot",
    columns=(
        Column("job_id", "Job", "r.job_id"),
        Column("ref", "Slot", _REF, shown=False, exported=False),
        Column("slot", "For", "r.slot", "moment", sorts="timestamptz"),
        Column("status", "Status", "r.status", "status"),
        Column("started_at", "Started", "r.started_at", "moment"),
        Column("finished_at", "Ended", "r.finished_at", "moment"),
        Column(
            "seconds", "Seconds", "round(extract(epoch FROM r.finished_at - r.started_at), 2)", "number"
        ),
        Column("attempts", "Attempts", "r.attempts", "number"),
        Column("by_hand", "By hand", "r.by_hand", "flag"),
        Column("asked_by", "Asked by", "r.asked_by", "code"),
        Column("error", "Error", "left(r.error, 200)"),
        Column("metrics", "Figures", "CAST(r.metrics AS text)", shown=False),
    ),
    filters=(
        Filter("job", "Job", "r.job_id = :job", options=_jobs),
        Filter("status", "Status", "r.status = :status", _CHOICES),
        Filter("how", "How", "r.by_hand = (:how = 'hand')", (("hand", "By hand"), ("planned", "As planned"))),
    ),
)  # fmt: skip

_TOPIC_COLUMN = Column("topic", "Topic", "o.topic", "code")
_PAYLOAD = Column("payload", "For", "CAST(o.payload AS text)")
_TOPIC = Filter("topic", "Topic", "o.topic = :topic", options=_topics)

GIVEN_UP = Table(
    name="given-up", source="outbox o", where="o.status IN ('uncertain', 'dead')", key="o.id", key_type="uuid",
    order="-id",
    columns=(
        Column("id", "Work", "o.id", "ulid", sorts="uuid"),
        _TOPIC_COLUMN,
        Column("status", "Status", "o.status", "status"),
        _PAYLOAD,
        Column("attempts", "Attempts", "o.attempts", "number", shown=False),
        Column("created_at", "Asked for", "o.created_at", "moment", shown=False),
        Column("finished_at", "Given up", "o.finished_at", "moment"),
        Column("last_error", "Error", "left(o.last_error, 300)"),
    ),
    filters=(
        _TOPIC, Filter("status", "Status", "o.status = :status", (("uncertain", "Uncertain"), ("dead", "Dead"))),
    ),
)  # fmt: skip

BACKLOG = Table(
    name="backlog", source="outbox o", where="o.status = 'pending'", key="o.id", key_type="uuid",
    order="next_attempt_at",
    columns=(
        _TOPIC_COLUMN,
        _PAYLOAD,
        Column("id", "Work", "o.id", "ulid", shown=False),
        Column("attempts", "Attempts", "o.attempts", "number"),
        Column("created_at", "Asked for", "o.created_at", "moment"),
        Column("next_attempt_at", "Next attempt", "o.next_attempt_at", "moment", sorts="timestamptz"),
        Column("last_error", "Last error", "left(o.last_error, 300)"),
    ),
    filters=(_TOPIC,),
)  # fmt: skip
