"""An application with real commits, within its context; its messages go to the preview inbox, or to a mail server."""

from collections.abc import Iterator

import pytest

from portal.platform.web.application import Portal
from tests import databases
from tests.sink import Sink, running_sink


@pytest.fixture
def shop(committed_app: Portal) -> Iterator[Portal]:
    """The application, whose messages go to the preview inbox."""
    with committed_app.app_context():
        yield committed_app


@pytest.fixture
def sink() -> Iterator[Sink]:
    """The server that takes the mail."""
    with running_sink() as started:
        yield started


@pytest.fixture
def mailing_shop(servers: databases.Servers, app: Portal, sink: Sink) -> Iterator[Portal]:
    """The application on a database of its own, with the sink as its mail server."""
    application = databases.make_app(servers, servers.create("nudges"), email_url=sink.url)
    with application.app_context():
        yield application
        databases.dispose(application)
    servers.drop("nudges")
