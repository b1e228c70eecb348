"""`make bench` (`ARGS="--members 100000"` for a larger programme, `ARGS=--growth` for growth)."""

import argparse
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from flask import Flask
from flask_migrate import upgrade

from portal.accounts.models import User
from portal.app import create_app
from portal.config import Settings
from portal.platform import clock
from portal.platform.db import unit_of_work
from portal.supervisor import services
from tests.benchmarks import dataset, growth, nudges, orders, points, redemptions, web
from tests.databases import SECRET
from tests.factories.accounts import bearer, make_token, sign_in


def main() -> None:
    """Start servers of its own, fill them, measure, and stop."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--members", type=int, default=1000)
    parser.add_argument("--entries", type=int, default=10, help="ledger entries of each member")
    parser.add_argument("--growth", action="store_true", help="measure growth to 100 times the members, and no more")
    options = parser.parse_args()
    if options.members < points.AT_ONCE:
        parser.error(f"--members: {points.AT_ONCE} at least, which are posted to at once")
    web.check_tools()
    with ExitStack() as stack:
        small = _start(stack, options.members, options.entries)
        if options.growth:
            grow(stack, small, _start(stack, options.members * growth.TIMES, options.entries))
        else:
            run(stack, small)


@dataclass(frozen=True)
class Filled:
    """Servers with a programme in them."""

    app: Flask
    environment: dict[str, str]
    members: int
    token: str
    cookie: str


def run(stack: ExitStack, filled: Filled) -> None:
    """Measure one programme."""
    headers = {path: bearer(filled.token, "u7") for path in web.BUDGETS}
    for page in ("/account/loyalty", "/app/api/loyalty/timeline"):
        headers[page] = {"Cookie": filled.cookie}
    floor = stack.enter_context(web.serve("tests.benchmarks.floor:app", filled.environment))
    portal = stack.enter_context(web.serve("wsgi:app", filled.environment))
    web.measure(floor, portal, headers)
    with filled.app.app_context():
        nudges.measure()
        redemptions.measure(filled.app, portal, bearer(filled.token), filled.members)
        orders.measure(filled.app, portal, bearer(filled.token), filled.members)
        points.measure()


def grow(stack: ExitStack, *programmes: Filled) -> None:
    """Measure a small programme beside a large one."""
    nudges.measure_growth(*(filled.app for filled in programmes))
    served = [stack.enter_context(web.serve("wsgi:app", filled.environment)) for filled in programmes]
    growth.measure(
        *(
            growth.Programme(address, bearer(filled.token), filled.members)
            for address, filled in zip(served, programmes, strict=True)
        )
    )


def _start(stack: ExitStack, members: int, entries: int) -> Filled:
    """Servers of their own with so many members, until the stack ends."""
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="portal-bench-"))
    running = services.start(Path(folder) / "data")
    stack.callback(running.stop)
    environment = {
        "DATABASE_URL": running.database_url,
        "REDIS_URL": running.redis_url,
        "SECRET_KEY": SECRET,
        "LOG_LEVEL": "INFO",
        "NUDGE_QUIET_HOURS": "",
        "RATE_LIMIT_READS": "1000000000/minute",
        "RATE_LIMIT_WRITES": "1000000000/minute",
    }
    app = create_app(Settings(**{name.lower(): value for name, value in environment.items()}))
    with app.app_context():
        upgrade()
        with unit_of_work() as session:
            dataset.fill(session, members, entries, clock.now())
            token = make_token(session, "admin")
        with unit_of_work() as session:
            dataset.analyze(session)
            cookie = _cookie(app, session.get_one(User, "u7"))
    print(f"{members} members, {members * entries} entries", flush=True)
    return Filled(app, environment, members, token, cookie)


def _cookie(app: Flask, user: User) -> str:
    client = app.test_client()
    sign_in(client, user)
    client.get("/account/loyalty")  # the first page gives the session its CSRF secret
    found = client.get_cookie("session")
    return f"session={found.value}"


if __name__ == "__main__":
    main()
