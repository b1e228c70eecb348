"""Growth: the same reads, for members at random, in a programme a hundred times the size (DESIGN 5)."""

import re
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import web

TIMES = 100
LEAST_RATE, MOST_P50, MOST_P95 = 0.8, 1.3, 1.5
READS = {"ledger": '"/api/v1/loyalty/ledger"', "member": '"/api/v1/loyalty/members/" .. user'}  # as Lua says it
_ASK = """
request = function()
  local user = "u" .. math.random(1, {members})
  wrk.headers["X-User-Id"] = user
  return wrk.format("GET", {path})
end
done = function(summary, latency)
  io.write(string.format("rate %f p50 %f p95 %f\\n", 1e6 * summary.requests / summary.duration,
    latency:percentile(50), latency:percentile(95)))
end
"""


@dataclass(frozen=True)
class Programme:
    """A portal that is served, and how many members it has."""

    address: str
    headers: dict[str, str]
    members: int


def measure(small: Programme, large: Programme) -> None:
    """Print rate, p50 and p95 in the large programme as shares of the small one's, by interleaved rounds."""
    for name, path in READS.items():
        for programme in (small, large):
            _figures(programme, path)
        rounds = [
            [big / little for big, little in zip(_figures(large, path), _figures(small, path), strict=True)]
            for _ in range(web.ROUNDS)
        ]
        rate, p50, p95 = (statistics.median(shares) for shares in zip(*rounds, strict=True))
        well = rate >= LEAST_RATE and p50 <= MOST_P50 and p95 <= MOST_P95
        print(
            f"{name} at {large.members} members, of that at {small.members}: rate {rate:.2f} (least {LEAST_RATE}), "
            f"p50 {p50:.2f} (most {MOST_P50}), p95 {p95:.2f} (most {MOST_P95})   {'ok' if well else 'BELOW'}",
            flush=True,
        )


def _figures(programme: Programme, path: str) -> tuple[float, float, float]:
    """Requests a second, median and 95th percentile of the latency."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_ASK.format(members=programme.members, path=path))
        script.flush()
        out = web.wrk(programme.address, programme.headers, "-s", str(Path(script.name)))
    found = re.search(r"rate ([\d.]+) p50 ([\d.]+) p95 ([\d.]+)", out)
    assert found
    return float(found[1]), float(found[2]), float(found[3])
