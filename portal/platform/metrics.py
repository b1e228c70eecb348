"""Prometheus metrics, over all processes of a host when PROMETHEUS_MULTIPROC_DIR is set."""

import hmac
import ipaddress
import os
import time
from collections.abc import Callable, Iterable

from flask import Flask, Response, current_app, g, request
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import Metric
from prometheus_client.multiprocess import MultiProcessCollector

from portal.platform.settings import current_settings

REQUEST_SECONDS = Histogram(
    "portal_request_seconds",
    "Latency of requests by route.",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)

Source = Callable[[], Iterable[Metric]]


def add_source(app: Flask, source: Source) -> None:
    """Declare figures that are read from the database at scrape time."""
    app.extensions["metric_sources"].append(source)


class _Database:
    def collect(self) -> Iterable[Metric]:
        for source in current_app.extensions["metric_sources"]:
            yield from source()


def _observe(response: Response) -> Response:
    if "began" in g and request.url_rule is not None:
        REQUEST_SECONDS.labels(request.method, request.url_rule.rule, response.status_code).observe(
            time.perf_counter() - g.began
        )
    return response


def metrics() -> Response:
    """The metrics of this host's processes and of the database."""
    registry = CollectorRegistry()
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library has no types there
        body = generate_latest(registry)
    else:
        body = generate_latest(REGISTRY)
    database = CollectorRegistry()
    database.register(_Database())
    return Response(body + generate_latest(database), content_type=CONTENT_TYPE_LATEST)


def may_scrape(address: str, bearer: str) -> bool:
    """Whether the caller at `address` with this bearer may read the metrics: a private address, or METRICS_TOKEN."""
    expected = current_settings().metrics_token
    if expected and hmac.compare_digest(bearer.encode(), expected.encode()):
        return True
    return _is_private(address)


def _is_private(address: str) -> bool:
    """Whether it is a private address; not when it is no address: a proxy may call somebody `unknown`."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    found = getattr(found, "ipv4_mapped", None) or found
    return found.is_private and not found.is_unspecified


def init_app(app: Flask) -> None:
    """Measure every answer."""
    app.extensions["metric_sources"] = []
    app.after_request(_observe)
