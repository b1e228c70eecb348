"""Runs and the outbox as the consoles list them."""

from portal.jobs.models import STATUSES
from portal.jobs.web.schedules import get_schedules
from portal.platform.console.tables import Choices, Column, Filter, Table
from portal.platform.outbox import list_topics

_REF = "to_char(r.slot AT TIME ZONE 'UTC', 'YYYYMMDD\"T\"HH24MISSUS')"
_CHOICES = tuple((status, status.capitalize()) for status in STATUSES)


def _jobs() -> Choices:
    return tuple((job_id, job_id.replace("_", " ").capitalize()) for job_id in sorted(get_schedules()))


def _topics() -> Choices:
    return tuple((topic, topic.replace("_", " ").replace(".", ": ").capitalize()) for topic in list_topics())


RUNS = Table(
    name="runs",
    source="job_runs r",
    key=f"({_REF} || r.job_id)",
    key_type="text",
    order="-slot",
    columns=(
        Column("job_id", "Job", "r.job_id"),
        Column("ref", "Slot", _REF, shown=False, exported=False),
        Column("slot", "For", "r.slot", "moment", sorts="timestamptz"),
        Column("status", "Status", "r.status", "status"),
        Column("started_at", "Started", "r.started_at", "moment"),
        Column("finished_at", "Ended", "r.finished_at", "moment"),
        Column("seconds", "Seconds", "round(extract(epoch FROM r.finished_at - r.started_at), 2)", "number"),
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
)

_TOPIC_COLUMN = Column("topic", "Topic", "o.topic", "code")
_PAYLOAD = Column("payload", "For", "CAST(o.payload AS text)")
_TOPIC = Filter("topic", "Topic", "o.topic = :topic", options=_topics)

GIVEN_UP = Table(
    name="given-up",
    source="outbox o",
    where="o.status IN ('uncertain', 'dead')",
    key="o.id",
    key_type="uuid",
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
        _TOPIC,
        Filter("status", "Status", "o.status = :status", (("uncertain", "Uncertain"), ("dead", "Dead"))),
    ),
)

BACKLOG = Table(
    name="backlog",
    source="outbox o",
    where="o.status = 'pending'",
    key="o.id",
    key_type="uuid",
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
)


CHECKS = {
    "balance": "Each balance is the sum of the member's entries.",
    "balance_in_lots": "Each balance is what is left in the member's lots.",
    "balance_after": "Each entry shows the balance that the entries up to it make.",
    "sequence": "Each member's entries are numbered without a gap.",
    "lifetime_earned": "What a member earned in all is the sum of their credits.",
    "lot_opened": "Each credit opened a lot of what it did not give back to others.",
    "lot_remaining": "What is left in a lot is its size less what was taken, and was not given back.",
    "lot_restored": "Each lot knows what was ever given back to it.",
    "debit_taken": "Each debit took its size from lots.",
    "given_back": "No debit was given back more of a lot than it took.",
    "held": "Points on hold are those of the open requests.",
    "hold_allocated": "Each open request has its points in lots, and no closed one has.",
    "lot_held": "What a lot keeps on hold is what requests have in it.",
    "redemption_debited": "Each fulfilled request was debited by its points, the refunded ones too.",
    "redemption_restored": "What came back of each request was posted, or taken again.",
    "pending": "Pending points are those of the credits that wait.",
    "pending_activated": "Each credit that waited was posted once it was activated, with its points, and not before.",
    "owed": "What members owe is what reversals could not take, less what was settled.",
    "owed_by_entry": "Each reversal says what it could not take, and that is owed or was written off.",
    "owed_recovered": "What was settled of debts is what recoveries took.",
    "owed_written_off": "What the programme writes off of a reversal at once was written off.",
    "recovery_from_credit": "Each recovery took its points from the credit that it names.",
    "earning_totals": "The total of each rule with a limit is the sum of what it granted.",
    "earning_once": "Whatever is granted once, one order has, and no order without it is noted for it.",
    "order_figures": "What an order has granted and taken back is the sum over its rules.",
    "order_points": "What an order has granted was posted, or waits.",
    "order_qualifying": "What an order counts for tiers is what its rules granted for that.",
    "order_restored": "What orders gave back of redemptions has come back.",
    "order_target": "Each order has granted what its snapshot and its state make of it.",
    "tier": "Each member has at least the tier that they earned.",
    "reward_taken": "What was taken of a reward is what was requested and not given back.",
}
