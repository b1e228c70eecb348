"""Number of messages by outcome, stored as totals that only grow and that all workers add to."""

from collections.abc import Iterator
from typing import NamedTuple

from prometheus_client.core import CounterMetricFamily, Metric
from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from portal.platform.db.reads import read_all

NO_CHANNEL = "none"

_ADD = text("""
    INSERT INTO message_totals AS t (kind, channel, outcome, part, messages)
    VALUES (:kind, :channel, :outcome, pg_backend_pid() % 16, :messages)
    ON CONFLICT (kind, channel, outcome, part) DO UPDATE SET messages = t.messages + excluded.messages
""")
_ENDED = """
    WITH ended AS ({statement})
    INSERT INTO message_totals AS t (kind, channel, outcome, part, messages)
    SELECT kind, coalesce(channel, 'none'), :outcome, pg_backend_pid() % 16, 1 FROM ended
    ON CONFLICT (kind, channel, outcome, part) DO UPDATE SET messages = t.messages + excluded.messages
"""
_TOTALS = text("""
    SELECT kind, channel, outcome, sum(messages)::bigint AS messages FROM message_totals
    GROUP BY kind, channel, outcome ORDER BY kind, channel, outcome
""")


class Total(NamedTuple):
    """How many messages of a kind had this outcome on a channel."""

    kind: str
    channel: str
    outcome: str
    messages: int


def add_messages(session: Session, kind: str, channel: str | None, outcome: str, messages: int = 1) -> None:
    """Count messages with this outcome; call it last in the transaction that records them."""
    values = {"kind": kind, "channel": channel or NO_CHANNEL, "outcome": outcome, "messages": messages}
    session.execute(_ADD, values)


def counting(statement: str) -> TextClause:
    """Extend a statement that ends messages and returns `kind` and `channel`, so that it counts them as `:outcome`."""
    return text(_ENDED.format(statement=statement))


def get_totals() -> CounterMetricFamily:
    """The totals as a counter by kind, channel and outcome."""
    family = CounterMetricFamily(
        "portal_messages",
        "Messages and how they ended; one that is put off counts each time.",
        labels=["kind", "channel", "outcome"],
    )
    for row in read_all(_TOTALS, {}, Total):
        family.add_metric([row.kind, row.channel, row.outcome], row.messages)
    return family


def collect() -> Iterator[Metric]:
    """The totals of all messages ever, for Prometheus."""
    yield get_totals()
