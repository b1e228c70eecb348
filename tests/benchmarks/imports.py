"""Import of many members with balances, through the web and a worker: `python -m tests.benchmarks.imports 50000`.

Prints seconds, and the peak memory of the processes that do it; the aim is under 60 s and 200 MB for 50,000. Afterwards
the ledger is verified.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from io import StringIO
from pathlib import Path
from urllib.parse import urljoin

import requests
from flask_migrate import upgrade

from portal.app import create_app
from portal.config import Settings
from portal.ledger.verify import find_differences
from portal.platform.db import unit_of_work
from portal.supervisor import services
from tests.benchmarks import web
from tests.databases import SECRET
from tests.factories.accounts import make_user, sign_in
from tests.factories.loyalty import make_tier

PEAK = re.compile(r"VmHWM:\s+(\d+) kB")
# What a worker does with the outbox, in a process of its own.
WORKER = """
import pathlib, time
from portal.app import create_app
from portal.platform.outbox import deliver
with create_app().app_context():
    begun = time.monotonic()
    deliver()
    print(time.monotonic() - begun, pathlib.Path("/proc/self/status").read_text())
"""


def main(members: int) -> None:
    """Start servers of its own, import that many members, verify, and stop."""
    with tempfile.TemporaryDirectory(prefix="portal-import-") as folder:
        running = services.start(Path(folder) / "data")
        try:
            environment = {"DATABASE_URL": running.database_url, "REDIS_URL": running.redis_url, "SECRET_KEY": SECRET}
            run(environment, members)
        finally:
            running.stop()


def run(environment: dict[str, str], members: int) -> None:
    """Check and apply a file, and say how it went."""
    app = create_app(Settings(**{name.lower(): value for name, value in environment.items()}))
    with app.app_context():
        upgrade()
        with unit_of_work() as session:
            make_tier(session, "bronze", 0)
            make_tier(session, "silver", 1000)
            user, client = make_user(session, role="admin"), app.test_client()
            sign_in(client, user)
        cookie = client.get_cookie("session")
        with web.serve("wsgi:app", environment) as address:
            browser = requests.Session()
            browser.cookies.set("session", cookie.value if cookie else "", domain="127.0.0.1", path="/")
            print(f"{members} members: {_import(browser, address, environment, members)}")
        with unit_of_work() as session:
            print(f"differences in the ledger: {len(find_differences(session))}")


def _import(browser: requests.Session, address: str, environment: dict[str, str], members: int) -> str:
    begun = time.monotonic()
    page = f"{address}/admin/imports/new"
    file = {"file": ("members.csv", make_file(members), "text/csv")}
    answer = browser.post(page, data=_hidden(browser, page), files=file, allow_redirects=False)
    report = urljoin(address, answer.headers["Location"])
    checked = time.monotonic() - begun
    browser.post(f"{report}/apply", data={**_hidden(browser, f"{report}/apply"), "reason": "benchmark"})
    done = subprocess.run(
        [sys.executable, "-c", WORKER],
        env={**os.environ, **environment},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    applied, status = float(done.stdout.split()[0]), re.search(r'data-status="(\w+)"', browser.get(report).text)
    return (
        f"{status[1] if status else 'lost'}, checked in {checked:.1f} s (web {_peak_of_web(address)} MB), "
        f"applied in {applied:.1f} s (worker {_peak(done.stdout)} MB), {checked + applied:.1f} s in all"
    )


def make_file(members: int) -> bytes:
    """A file of members with every column filled."""
    lines = StringIO(
        "user_id,email,name,phone_number,timezone,locale,birthday,marketing_messages,points,expires_at\r\n"
    )
    lines.seek(0, os.SEEK_END)
    for n in range(members):
        lines.write(
            f"shop-{n},member{n}@example{n % 50}.com,Member Müller {n},+49151{2000000 + n},Europe/Berlin,de-DE,"
            f"{n % 12 + 1:02}-{n % 28 + 1:02},yes,{n % 5000 + 1},2099-12-31\r\n"
        )
    return lines.getvalue().encode()


def _hidden(browser: requests.Session, address: str) -> dict[str, str]:
    page = browser.get(address).text
    found = {name: re.search(f'name="{name}"[^>]*value="([^"]+)"', page) for name in ("csrf_token", "idempotency_key")}
    return {name: match[1] for name, match in found.items() if match}


def _peak_of_web(address: str) -> int:
    """The most that a process of the server on this port has had in memory, in MB."""
    port, peaks = address.rpartition(":")[2], [0]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if port in (process / "cmdline").read_text().split("\x00"):
                peaks.append(_peak((process / "status").read_text()))
        except OSError:  # it has ended meanwhile
            continue
    return max(peaks)


def _peak(status: str) -> int:
    found = PEAK.search(status)
    return int(found[1]) // 1024 if found else 0


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50_000)
