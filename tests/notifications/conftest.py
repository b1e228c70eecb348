"""An application whose mail goes to a real SMTP server."""

from collections.abc import Iterator

import pytest

from portal.platform.web.application import Portal
from tests import databases
from tests.http_sink import HttpSink, running_http_sink
from tests.sink import Sink, running_sink


@pytest.fixture
def sink() -> Iterator[Sink]:
    """The server that takes the mail."""
    with running_sink() as started:
        yield started


@pytest.fixture
def mailing_app(servers: databases.Servers, app: Portal, sink: Sink) -> Iterator[Portal]:
    """The application on a database of its own, with the sink as its mail server, within its context."""
    application = databases.make_app(servers, servers.create("mail"), email_url=sink.url)
    with application.app_context():
        yield application
        databases.dispose(application)
    servers.drop("mail")


@pytest.fixture
def http_sink() -> Iterator[HttpSink]:
    """The server that takes text messages and notifications."""
    with running_http_sink() as started:
        yield started
