"""Orders over HTTP beside their own statements under `pgbench`, and a large quote beside a small one."""

import re
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg
from flask import Flask

from portal.platform import clock
from tests.benchmarks import web
from tests.benchmarks.redemptions import recorded, transactions

BUDGET = 0.15
LARGE_QUOTE = 4.0
RULES, LINES = 50, 100
ORDERS = "/api/v1/loyalty/orders"
REFERENCE, USER = "bench-order", "u9"
_LITERAL = re.compile(r"'((?:[^']|'')*)'")
_UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")
# A colon that `pgbench` would take for the beginning of a variable, though it stands between quotes.
_COLON = re.compile(r":(?=\w)")
_REQUEST = """
local each = 0
init = function(args) math.randomseed(os.time() + tonumber(tostring(args):match("0x(%x+)"), 16) % 100000) end
request = function()
  each = each + 1
  local path = "{orders}/w" .. math.random(1, 1000000000) .. "-" .. each
  return wrk.format("PUT", path, nil, (string.gsub('{body}', "{user}", "u" .. math.random(1, {members}))))
end
"""


def measure(app: Flask, portal: str, headers: dict[str, str], members: int) -> None:
    """Print orders a second as a share of what `pgbench` makes of their statements, and what a large quote takes."""
    url = app.config["SETTINGS"].database_url.replace("postgresql+psycopg://", "postgresql://")
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as folder:
        script, request = Path(folder) / "order.sql", Path(folder) / "order.lua"
        script.write_text(_script(app, headers, members, url))
        body = app.json.dumps(_order(USER)).replace("'", "")
        request.write_text(_REQUEST.format(orders=ORDERS, body=body, user=USER, members=members))
        shares = [
            web.rate(portal, {**headers, "Content-Type": "application/json"}, "-s", str(request))
            / transactions(script, url)
            for _ in range(web.ROUNDS)
        ]
    web.report("order", statistics.median(shares), BUDGET, "of its own statements under pgbench")
    _measure_quotes(app, headers)


def _order(user_id: str) -> dict[str, Any]:
    lines = [{"lineId": str(number), "sku": f"S-{number}", "amount": 1000 + number} for number in range(3)]
    placed = clock.now().isoformat()
    return {"userId": user_id, "currency": "EUR", "placedAt": placed, "status": "paid", "lines": lines}


def _measure_quotes(app: Flask, headers: dict[str, str]) -> None:
    """The median time of a quote with many rules and lines as a multiple of one with one of each, taking turns."""
    client, times = app.test_client(), {1: [0.0], LINES: [0.0]}
    for _ in range(web.ROUNDS):
        for lines, rules in ((1, 1), (LINES, RULES)):
            _put_rules(client, headers, rules)
            cart = {"userId": USER, "currency": "EUR", "lines": [_line(number) for number in range(lines)]}
            for _ in range(40):
                begin = time.perf_counter()
                answer = client.post(f"{ORDERS}/quote", json=cart, headers=headers)
                times[lines].append(time.perf_counter() - begin)
                assert answer.status_code == 200, answer.text
    _put_rules(client, headers, 1)
    ratio = statistics.median(times[LINES]) / statistics.median(times[1])
    verdict = "within" if ratio <= LARGE_QUOTE else "MISSES"
    print(f"quote of {LINES} lines by {RULES} rules: {ratio:.1f} times one of one ({verdict} {LARGE_QUOTE:.0f})")


def _line(number: int) -> dict[str, Any]:
    return {"lineId": str(number), "sku": f"S-{number}", "categories": [f"c{number % 7}"], "amount": 1000 + number}


def _put_rules(client: Any, headers: dict[str, str], active: int) -> None:
    """Let so many rules be active, the one that every programme begins with among them."""
    for number in range(1, RULES):
        rule = {
            "name": f"Rule {number}",
            "kind": ("spend", "item", "multiplier")[number % 3],
            "points": 2,
            "perAmount": 100,
            "multiplier": "1.1",
            "skus": [f"S-{number}"],
            "active": number < active,
        }
        assert client.put(f"/api/v1/loyalty/earning-rules/r{number}", json=rule, headers=headers).status_code < 300


def _script(app: Flask, headers: dict[str, str], members: int, url: str) -> str:
    """The statements of one order as a `pgbench` script: each time for a random member, with another reference."""
    client, path = app.test_client(), f"{ORDERS}/{REFERENCE}"
    client.put(f"{path}-0", json=_order(USER), headers=headers)  # the first one of a process opens connections
    with recorded() as sent:
        answer = client.put(path, json=_order(USER), headers=headers)
    assert answer.status_code == 201, answer.text
    with psycopg.connect(url, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
        cursor = connection.cursor()
        lines = [(outside, " ".join(cursor.mogrify(query, given).split())) for outside, query, given in sent]
        row = connection.execute("SELECT id FROM loyalty_members WHERE user_id = %s", [USER]).fetchone()
    assert row
    script = [f"\\set n random(1, {members})", "\\set r random(1, 9000000000000000000)"]
    known = False
    for number, (outside, line) in enumerate(lines):
        if not outside and (number == 0 or lines[number - 1][0]):
            script.append("BEGIN;")
        reads_member = "FROM loyalty_members" in line and f"'{USER}'" in line and not known
        script.append(_varied(line, row[0].hex) + (" \\gset m_" if reads_member else ";"))
        known = known or reads_member
    return "\n".join([*script, "COMMIT;"]) + "\n"


def _varied(line: str, member: str) -> str:
    """The statement with literals that are another order's, another member's and another entry's each time."""

    def other(found: re.Match[str]) -> str:
        said = found[1].replace(REFERENCE, "\0r\0")
        said = re.sub(rf"(?<![\w-]){USER}(?![\w-])", "\0u\0", said)
        said = _UUID.sub(lambda uuid: "\0m\0" if uuid[0].replace("-", "") == member else "\0i\0", said)
        said = _COLON.sub(r"\\u003a" if said.startswith(("[", "{")) else "\0c\0", said.replace('":', '": '))
        parts = {
            "r": "('b-' || :r)",
            "u": "('u' || :n)",
            "m": ":m_id",
            "i": "lpad(to_hex(:r::bigint), 32, '0')",
            "c": "chr(58)",
        }
        pieces = [parts[piece] if place % 2 else f"'{piece}'" for place, piece in enumerate(said.split("\0"))]
        return pieces[0] if len(pieces) == 1 else f"({' || '.join(pieces)})"

    return _LITERAL.sub(other, line)
