"""Databases for tests: one per worker, cloned from a migrated template where commits are real."""

from dataclasses import dataclass
from typing import Any

import psycopg
from flask_migrate import upgrade

from portal.app import create_app
from portal.config import Settings
from portal.platform.web.application import Portal
from tests.browser import Browser

SECRET = "a secret for tests of at least 32 characters"


@dataclass(frozen=True)
class Servers:
    """The run's PostgreSQL and Redis, and the name of the worker that asks."""

    admin_url: str
    redis_url: str
    worker: str

    def name(self, purpose: str) -> str:
        """The database of this worker for a purpose."""
        return f"portal_{self.worker}_{purpose}"

    def url(self, database: str) -> str:
        """Its URL, as the application's role."""
        scheme, _, rest = self.admin_url.partition("://")
        host = rest.split("?", 1)[1] if "?" in rest else ""
        return f"{scheme}://portal@/{database}?{host}"

    def create(self, purpose: str, *, migrated: bool = False) -> str:
        """Make a database, by running the migrations or as a clone of the migrated template."""
        self.drop(purpose)
        name, template = self.name(purpose), self.name("template")
        if migrated:
            self._admin(
                f'DROP DATABASE IF EXISTS "{template}" WITH (FORCE)', f'CREATE DATABASE "{template}" OWNER portal'
            )
            application = make_app(self, self.url(template))
            with application.app_context():
                upgrade()
                dispose(application)
        self._admin(f'CREATE DATABASE "{name}" OWNER portal TEMPLATE "{template}"')
        return self.url(name)

    def drop(self, purpose: str) -> None:
        """Remove a database with all its connections."""
        self._admin(f'DROP DATABASE IF EXISTS "{self.name(purpose)}" WITH (FORCE)')

    def _admin(self, *statements: str) -> None:
        with psycopg.connect(
            self.admin_url.replace("postgresql+psycopg://", "postgresql://"), autocommit=True
        ) as admin:
            for statement in statements:
                admin.execute(statement)


def dispose(application: Portal) -> None:
    """Close the application's database connections, within its context."""
    application.extensions["sqlalchemy"].engine.dispose()
    application.extensions["reads"].dispose()


def make_app(servers: Servers, database_url: str, **settings: Any) -> Portal:
    """The application with test settings on a database."""
    values = {
        "database_url": database_url,
        "redis_url": servers.redis_url,
        "secret_key": SECRET,
        "public_url": "http://localhost",
        "rate_limit_writes": "100000/minute",
        "rate_limit_reads": "100000/minute",
        "rate_limit_sign_in": "100000/minute",
        "login_max_failures": 5,
        "invite_sms_countries": "DE US",
        "nudge_quiet_hours": "",  # tests run at any hour
    }
    application = create_app(Settings(**{**values, **settings}))
    application.testing = False
    application.test_client_class = Browser
    return application
