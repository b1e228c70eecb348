"""An application with queues and a database of its own."""

from collections.abc import Iterator

import pytest

from portal.platform.queue import client
from portal.platform.web.application import Portal
from tests import databases
from tests.queues import queue_url


@pytest.fixture
def fresh_app(servers: databases.Servers, app: Portal) -> Iterator[Portal]:
    """An application with queues and a database of its own, within its context."""
    application = databases.make_app(servers, servers.create("health"), redis_url=queue_url(servers))
    with application.app_context():
        client().flushdb()
        yield application
        client().flushdb()
        databases.dispose(application)
    servers.drop("health")
