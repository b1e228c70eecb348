"""Reads and redemption requests over HTTP, each beside the floor in turn."""

import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SECONDS, ROUNDS, THREADS = 2, 5, 4
BUDGETS = {
    "/api/v1/loyalty/ledger": 0.30,
    "/api/v1/loyalty/members/u7": 0.30,
    "/api/v1/loyalty/redemptions": 0.30,
    "/api/v1/loyalty/next-actions": 0.30,
    "/api/v1/loyalty/nudges": 0.15,
    "/app/api/loyalty/timeline": 0.15,
    "/account/loyalty": 0.08,
}


@contextmanager
def serve(target: str, environment: dict[str, str]) -> Iterator[str]:
    """A granian server of one process for a WSGI target; yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    granian = str(Path(sys.executable).parent / "granian")
    command = [
        granian,
        "--interface",
        "wsgi",
        "--port",
        str(port),
        "--workers",
        "1",
        "--blocking-threads",
        str(THREADS),
    ]
    server = subprocess.Popen(
        [*command, "--no-ws", "--log-level", "error", target],
        env={**os.environ, **environment},
        stderr=subprocess.DEVNULL,
    )
    try:
        _await(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(15)


def _await(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError("the server did not come up")


def check_tools() -> None:
    """End with a sentence, before anything is set up, where the program that measures is missing."""
    if shutil.which("wrk") is None:
        sys.exit("make bench needs wrk: apt-get install wrk")


def wrk(url: str, headers: dict[str, str], *flags: str) -> str:
    """What wrk prints of a few seconds of requests, with these flags besides.

    :raises RuntimeError: an answer was not a success.
    """
    given = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
    command = ["wrk", "-t1", f"-c{THREADS}", f"-d{SECONDS}", *given, *flags, url]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in out:
        raise RuntimeError(f"{url}: {out}")
    return out


def rate(url: str, headers: dict[str, str], *flags: str) -> float:
    """Requests a second, by `wrk`."""
    found = re.search(r"Requests/sec:\s+([\d.]+)", wrk(url, headers, *flags))
    assert found
    return float(found[1])


def measure(floor: str, portal: str, headers: dict[str, dict[str, str]]) -> None:
    """Print each endpoint's rate as a share of the floor's, medians of interleaved rounds."""
    for path, budget in BUDGETS.items():
        rate(portal + path, headers[path])
        shares = [rate(portal + path, headers[path]) / rate(f"{floor}/?u7", {}) for _ in range(ROUNDS)]
        report(path, statistics.median(shares), budget, "of the floor")


def report(what: str, share: float, budget: float, of: str) -> None:
    """Print a share beside its budget."""
    print(f"{what:<32} {share:6.1%} {of}   budget {budget:.0%}   {'ok' if share >= budget else 'BELOW'}", flush=True)
