"""Messages by kind, channel and outcome, for Prometheus."""

from collections.abc import Iterator

from prometheus_client.core import Metric

from portal.core.metrics import metric_source
from portal.notifications.totals import get_totals


@metric_source
def collect() -> Iterator[Metric]:
    """Every message since the first."""
    yield get_totals()
