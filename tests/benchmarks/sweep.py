"""`python -m tests.benchmarks.sweep`: 100,000 lots due, swept by two workers; their memory, the longest statement."""

import argparse
import tempfile
import time
from pathlib import Path

import psutil
import psycopg
from flask_migrate import upgrade
from sqlalchemy import text

from portal.jobs import runs
from portal.jobs.web import jobs
from portal.ledger.verify import find_differences
from portal.platform import clock
from portal.platform.db import unit_of_work
from portal.platform.web.application import Portal
from portal.supervisor import services
from tests.databases import Servers, dispose, make_app
from tests.jobs.sweeps import get_batches, make_lots_due
from tests.resilience.workers import Process, flask
from tests.sink import wait_for

JOB = "loyalty_progression"
_OPEN = text("SELECT count(*) FROM job_runs WHERE status IN ('due', 'running')")
_RUNNING = """
    SELECT coalesce(max(extract(epoch FROM clock_timestamp() - query_start)), 0)::float8 FROM pg_stat_activity
    WHERE datname = current_database() AND state = 'active' AND application_name = 'portal'
"""


def main() -> None:
    """Start servers of its own, make lots due, sweep them, and print what it took."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.sweep")
    parser.add_argument("--lots", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as folder:
        running = services.start(Path(folder) / "data")
        try:
            servers = Servers(running.database_admin_url, running.redis_url, "bench")
            servers.create("main", migrated=True)
            app = make_app(servers, servers.url(servers.name("main")), log_level="ERROR")
            with app.app_context():
                upgrade()
                sweep(app, options.lots, options.workers)
                dispose(app)
        finally:
            running.stop()


def sweep(app: Portal, lots: int, count: int) -> None:
    """Let so many workers expire so many lots."""
    slot = clock.now().replace(microsecond=0)
    with unit_of_work() as session:
        make_lots_due(session, lots // 10, 10)
        runs.open_slots(session, JOB, [slot])
    with unit_of_work() as session:
        session.execute(text("ANALYZE"))
    workers = [flask("worker", app) for _ in range(count)]
    try:
        began = time.perf_counter()
        jobs.wake_run(JOB, slot)  # and no other job, whose statements are not the sweep's
        memory, longest = watch(app, workers)
        took = time.perf_counter() - began
    finally:
        for worker in workers:
            worker.stop()
    with unit_of_work() as session:
        batches, largest, entries = get_batches(session)
        assert find_differences(session) == []
    print(f"{entries} lots in {took:.1f} s: {batches} batches of {largest} at most, longest statement {longest:.2f} s")
    print(f"peak memory of each worker: {', '.join(f'{peak / 2**20:.0f} MB' for peak in memory)}")


def watch(app: Portal, workers: list[Process]) -> tuple[list[int], float]:
    """The peak memory of each worker with what it forks, and the longest statement seen, until all is done."""
    url = app.config["SETTINGS"].database_url.replace("postgresql+psycopg", "postgresql")
    memory, seen = [0] * len(workers), [0.0]

    def look() -> bool:
        seen.append(watcher.execute(_RUNNING).fetchone()[0])  # type: ignore[index]  # a count has a row
        for number, worker in enumerate(workers):
            memory[number] = max(memory[number], *map(size, [psutil.Process(worker.popen.pid), *worker.horses]))
        with unit_of_work() as session:
            return not session.scalar(_OPEN)

    with psycopg.connect(url, autocommit=True) as watcher:
        wait_for(look, 600)
    return memory, max(seen)


def size(process: psutil.Process) -> int:
    """Its resident memory in bytes; 0 when it has ended."""
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


if __name__ == "__main__":
    main()
