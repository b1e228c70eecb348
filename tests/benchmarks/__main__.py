"""`make bench` (`ARGS="--members 100000"` for a larger programme)."""

import argparse
import tempfile
from pathlib import Path

from flask import Flask
from flask_migrate import upgrade

from portal import create_app
from portal.accounts.models import User
from portal.config import Settings
from portal.core import clock
from portal.core.db import unit_of_work
from portal.core.embedded import services
from tests.benchmarks import dataset, points, redemptions, web
from tests.databases import SECRET
from tests.factories.accounts import bearer, make_token, sign_in


def main() -> None:
    """Start servers of its own, fill them, measure, and stop."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--members", type=int, default=1000)
    parser.add_argument("--entries", type=int, default=10, help="ledger entries of each member")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as folder:
        running = services.start(Path(folder) / "data")
        try:
            run(running.database_url, running.redis_url, options.members, options.entries)
        finally:
            running.stop()


def run(database_url: str, redis_url: str, members: int, entries: int) -> None:
    """Measure on these servers."""
    environment = {
        "DATABASE_URL": database_url, "REDIS_URL": redis_url, "SECRET_KEY": SECRET, "LOG_LEVEL": "INFO",
        "RATE_LIMIT_READS": "1000000000/minute", "RATE_LIMIT_WRITES": "1000000000/minute",
    }  # fmt: skip
    app = create_app(Settings(**{name.lower(): value for name, value in environment.items()}))
    with app.app_context():
        upgrade()
        with unit_of_work() as session:
            dataset.fill(session, members, entries, clock.now())
            token = make_token(session, "admin")
        with unit_of_work() as session:
            dataset.analyze(session)
            cookie = _cookie(app, session.get_one(User, "u7"))
        print(f"{members} members, {members * entries} entries")
        headers = {path: bearer(token, "u7") for path in web.BUDGETS}
        for page in ("/account/loyalty", "/app/api/loyalty/timeline"):
            headers[page] = {"Cookie": cookie}
        with (
            web.serve("tests.benchmarks.floor:app", environment) as floor,
            web.serve("wsgi:app", environment) as portal,
        ):
            web.measure(floor, portal, headers)
            redemptions.measure(app, portal, bearer(token), members)
        points.measure()


def _cookie(app: Flask, user: User) -> str:
    client = app.test_client()
    sign_in(client, user)
    client.get("/account/loyalty")  # the first page gives the session its CSRF secret
    found = client.get_cookie("session")
    return f"session={found.value}"


if __name__ == "__main__":
    main()
