"""A mail server, and instances whose mail goes there."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.resilience.running import Running
from tests.sink import Sink, running_sink


@pytest.fixture
def sink() -> Iterator[Sink]:
    """The mail server."""
    with running_sink() as started:
        yield started


@pytest.fixture
def mailing_instance(sink: Sink) -> Iterator[Running]:
    """A `make run` with one worker, whose mail goes to the sink."""
    with tempfile.TemporaryDirectory(prefix="run-") as folder:
        started = Running(
            Path(folder) / "instance",
            EMAIL_URL=sink.url,
            RATE_LIMIT_WRITES="100000/minute",
            RATE_LIMIT_READS="100000/minute",
        )
        try:
            started.wait()
            yield started
        finally:
            started.end()
