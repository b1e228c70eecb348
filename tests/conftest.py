"""Real PostgreSQL and Redis, started once per run; a database per worker; a savepoint per test."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.platform.db import db
from portal.platform.web.application import Portal
from tests import databases

SERVICES = pytest.StashKey[Any]()
FOLDER = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    """Start the servers in the process that starts the workers (or is the only one)."""
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    from portal.supervisor import services

    config.stash[FOLDER] = Path(tempfile.mkdtemp(prefix="portal-test-"))
    config.stash[SERVICES] = services.start(config.stash[FOLDER] / "data", durable=False)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what was started and remove its data."""
    if SERVICES in config.stash:
        config.stash[SERVICES].stop()
        shutil.rmtree(config.stash[FOLDER], ignore_errors=True)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker where the servers are."""
    started = node.config.stash[SERVICES]
    node.workerinput["servers"] = [started.database_admin_url, started.redis_url]


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest, worker_id: str) -> databases.Servers:
    """Where this worker's PostgreSQL and Redis are."""
    config = request.config
    if hasattr(config, "workerinput"):
        admin, redis = config.workerinput["servers"]
    else:
        admin, redis = config.stash[SERVICES].database_admin_url, config.stash[SERVICES].redis_url
    number = worker_id.removeprefix("gw")
    return databases.Servers(admin, redis.replace("db=0", f"db={number if number.isdigit() else 0}"), worker_id)


@pytest.fixture(scope="session")
def app(servers: databases.Servers) -> Iterator[Portal]:
    """The application on this worker's migrated database."""
    application = databases.make_app(servers, servers.create("main", migrated=True))
    yield application
    with application.app_context():
        databases.dispose(application)


@pytest.fixture
def session(app: Portal) -> Iterator[Session]:
    """A session in the test's own savepoint; requests of `client` work inside it, and all is undone at the end."""
    with app.app_context():
        engine, reads = db.engine, app.extensions["reads"]
        with engine.connect() as connection:
            outer = connection.begin()
            db._app_engines[app][None] = app.extensions["reads"] = connection
            try:
                yield db.session()
            finally:
                db.session.remove()
                db._app_engines[app][None], app.extensions["reads"] = engine, reads
                outer.rollback()


@pytest.fixture
def client(app: Portal, session: Session) -> FlaskClient:
    """An anonymous HTTP client inside the test's savepoint."""
    return app.test_client()


@pytest.fixture
def committed_app(servers: databases.Servers, app: Portal) -> Iterator[Portal]:
    """The application on a fresh clone of the migrated template, where commits are real: for races."""
    url = servers.create("race")
    application = databases.make_app(servers, url)
    yield application
    with application.app_context():
        databases.dispose(application)
    servers.drop("race")
