"""Redemption requests over HTTP, beside the statements that they send, run by `pgbench` without any program between."""

import re
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from flask import Flask

from portal.platform import ids
from portal.supervisor import postgres
from tests.benchmarks import web

BUDGET = 0.18
PATH = "/api/v1/loyalty/members/{user}/redemptions"
WISH = {"points": 1, "description": "bench"}
# What pgbench would take for a variable, though it stands between quotes: the colons of times, and of `token:NAME`.
_TIME = re.compile(r"(\d\d):(\d\d):(\d\d\.?\d*)\+00:00")
_WORDS = re.compile(r"'([^':]*):([^':]*)'")
_REQUEST = """
request = function()
  local path = "/api/v1/loyalty/members/u" .. math.random(1, {members}) .. "/redemptions"
  return wrk.format("POST", path, nil, '{{"points": 1, "description": "bench"}}')
end
"""


def measure(app: Flask, portal: str, headers: dict[str, str], members: int) -> None:
    """Print requests a second as a share of what `pgbench` makes of their statements, by interleaved rounds."""
    url = app.config["SETTINGS"].database_url.replace("postgresql+psycopg://", "postgresql://")
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as folder:
        script, request = Path(folder) / "request.sql", Path(folder) / "request.lua"
        script.write_text(_script(app, headers, members, url))
        request.write_text(_REQUEST.format(members=members))
        shares = [
            web.rate(portal, {**headers, "Content-Type": "application/json"}, "-s", str(request))
            / transactions(script, url)
            for _ in range(web.ROUNDS)
        ]
    web.report("redemption request", statistics.median(shares), BUDGET, "of its own statements under pgbench")


def transactions(script: Path, url: str) -> float:
    """Transactions a second."""
    pgbench = postgres._programs() / "pgbench"
    command = [pgbench, "-n", "-M", "prepared", f"-c{web.THREADS}", f"-T{web.SECONDS}", "-f", script, url]
    out = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=True).stdout
    found = re.search(r"tps = ([\d.]+)", out)
    assert found
    return float(found[1])


def _script(app: Flask, headers: dict[str, str], members: int, url: str) -> str:
    """The statements of one request as a `pgbench` script: each time for a random member, with another id."""
    client = app.test_client()
    for _ in range(2):  # the first one of a process opens connections
        with recorded() as sent:
            answer = client.post(PATH.format(user="u9"), json=WISH, headers=headers)
    assert answer.status_code == 201, answer.text
    made = ids.parse(answer.get_json()["id"])
    with psycopg.connect(url, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
        cursor = connection.cursor()
        lines = [(outside, " ".join(cursor.mogrify(query, given).split())) for outside, query, given in sent]
        row = connection.execute("SELECT id FROM loyalty_members WHERE user_id = 'u9'").fetchone()
    assert row
    assert made
    script = [f"\\set n random(1, {members})", "\\set r random(1, 9000000000000000000)"]
    for number, (outside, line) in enumerate(lines):
        if not outside and (number == 0 or lines[number - 1][0]):
            script.append("BEGIN;")
        line = _WORDS.sub(r"('\1' || chr(58) || '\2')", _TIME.sub(r"\1\2\3Z", line))
        line = line.replace("'u9'", "('u' || :n)").replace(f"'{row[0].hex}'", ":m_id")
        line = line.replace(f"'{made.hex}'", "lpad(to_hex(:r::bigint), 32, '0')")
        script.append(line + (" \\gset m_" if "FOR UPDATE" in line else ";"))
    return "\n".join([*script, "COMMIT;"]) + "\n"


@contextmanager
def recorded() -> Iterator[list[tuple[bool, str, Any]]]:
    """What the driver is given inside the block: whether outside a transaction, the statement, its values."""
    sent: list[tuple[bool, str, Any]] = []
    execute = psycopg.Cursor.execute

    def note(self: Any, query: Any, params: Any = None, **options: Any) -> Any:
        sent.append((self.connection.autocommit, str(query), params))
        return execute(self, query, params, **options)

    psycopg.Cursor.execute = note  # type: ignore[method-assign, assignment]  # every statement is counted
    try:
        yield sent
    finally:
        psycopg.Cursor.execute = execute  # type: ignore[method-assign]  # as it was
