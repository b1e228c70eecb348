"""Messages by channel and outcome, for Prometheus."""

from collections.abc import Iterator
from datetime import timedelta

from prometheus_client.core import GaugeMetricFamily, Metric
from sqlalchemy import text

from portal.core import clock
from portal.core.metrics import gauge_source
from portal.core.reads import read_all

_COUNTS = text("""
    SELECT kind, coalesce(channel, 'none'), status, count(*) FROM messages
    WHERE created_at > :since GROUP BY 1, 2, 3
""")


@gauge_source
def collect() -> Iterator[Metric]:
    """Messages of the last 24 hours."""
    family = GaugeMetricFamily(
        "portal_messages_last_day", "Messages of the last 24 hours.", labels=["kind", "channel", "status"]
    )
    for *labels, count in read_all(_COUNTS, {"since": clock.now() - timedelta(days=1)}):
        family.add_metric(labels, count)
    yield family
