"""One start of the portal, from its data directory to its last process."""

import os
import shutil
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from portal.config import Settings, SettingsError
from portal.supervisor.children import Children
from portal.supervisor.files import StartFailedError
from portal.supervisor.instance import Instance, check_port, prepare_data_dir, read_port
from portal.supervisor.lock import DataDirLock
from portal.supervisor.postgres import Postgres
from portal.supervisor.processes import ProcessRecord, adopt_orphans, collect_orphans
from portal.supervisor.redis import Redis
from portal.supervisor.steps import Steps, wait_until_ready

PATIENCE = 10.0


class Supervisor:
    """Starts everything in order, keeps it running, and stops it in the opposite order."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.children: Children | None = None
        self._undo = ExitStack()

    def start(self) -> None:
        """Start servers and processes; returns when the portal answers.

        :raises StartFailedError: if a step fails; the caller then calls `stop` to end what was started.
        """
        begun = time.monotonic()
        port, host = read_port(os.environ.get("PORT") or "8000"), os.environ.get("HOST") or "127.0.0.1"
        data_dir = prepare_data_dir(os.environ.get("DATA_DIR") or "instance")
        self.record = self._claim(data_dir)
        check_port(host, port)
        instance = Instance(data_dir)
        self._choose_servers(data_dir)
        instance.open(os.environ, host, port, self._urls())
        self._undo.callback(instance.close)
        settings = self._settings(data_dir)
        self._start_servers()
        self.environment = self._environment(data_dir)
        notice = self._prepare(instance, settings)
        self._start_processes(settings)
        self._announce(settings, str(instance.known["public_url"]), notice, time.monotonic() - begun)

    def watch(self) -> None:
        """Restart whatever has ended; to be called a few times a second."""
        for name, server in self._servers():
            if server.process is not None and server.process.poll() is not None:
                self._say(f"{name} ended (exit {server.process.returncode}); it is started again")
                self.record.add(name, server.start())
        if self.children is not None:
            self.children.revive(self.environment)
            collect_orphans(self.children.pids() | self._server_pids())

    def stop(self) -> None:
        """Stop everything that was started, the database last; then the data directory is free."""
        self._undo.close()

    def hurry(self) -> None:
        """Kill the portal's processes without waiting for them to finish."""
        if self.children is not None:
            self.children.kill()

    def _claim(self, data_dir: Path) -> ProcessRecord:
        lock = DataDirLock(data_dir)
        lock.acquire()
        self._undo.callback(lock.release)
        adopt_orphans()
        self._undo.callback(collect_orphans, ())
        record = ProcessRecord(data_dir)
        record.begin()
        self._undo.callback(record.close)
        return record

    def _choose_servers(self, data_dir: Path) -> None:
        self.postgres = None if os.environ.get("DATABASE_URL") else Postgres(data_dir)
        self.redis = None if os.environ.get("REDIS_URL") else Redis(data_dir)

    def _urls(self) -> tuple[str, str]:
        database = self.postgres.url() if self.postgres else os.environ["DATABASE_URL"]
        return database, self.redis.url() if self.redis else os.environ["REDIS_URL"]

    def _servers(self) -> list[tuple[str, Postgres | Redis]]:
        named: list[tuple[str, Postgres | Redis | None]] = [("postgres", self.postgres), ("redis", self.redis)]
        return [(name, server) for name, server in named if server is not None]

    def _server_pids(self) -> set[int]:
        return {server.process.pid for _, server in self._servers() if server.process is not None}

    def _start_servers(self) -> None:
        for name, server in self._servers():
            self._undo.callback(server.stop)
            self.record.add(name, server.start())

    def _settings(self, data_dir: Path) -> Settings:
        """The settings as every process will read them."""
        try:
            return Settings.load(data_dir=data_dir)
        except SettingsError as error:
            raise StartFailedError(str(error)) from None

    def _environment(self, data_dir: Path) -> dict[str, str]:
        programs = str(Path(sys.executable).parent)
        return {
            "PROMETHEUS_MULTIPROC_DIR": self._make_metrics(data_dir),
            **os.environ,
            **self.record.environment(),
            "PATH": os.pathsep.join([programs, os.environ.get("PATH", os.defpath)]),
            "PYTHONUNBUFFERED": "1",
            "DATA_DIR": str(data_dir),
        }

    def _make_metrics(self, data_dir: Path) -> str:
        """An empty folder for the metrics of this start's web processes, so that each can report those of all."""
        folder = data_dir / "metrics"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        self._undo.callback(shutil.rmtree, folder, ignore_errors=True)
        return str(folder)

    def _prepare(self, instance: Instance, settings: Settings) -> str:
        self._undo.callback(self.record.end_strays)
        steps = Steps(self.root, self.record, instance, self.environment)
        steps.migrate()
        if settings.production:
            steps.close_demo()
        return steps.load_demo(wanted=settings.demo and not settings.production)

    def _start_processes(self, settings: Settings) -> None:
        """Start the web first and alone, so that it answers soon; the others once it does."""
        children = Children(self.root / "Procfile", {"worker": settings.workers}, self.record)
        self._undo.callback(children.stop, PATIENCE)
        self.children = children
        children.start(self.environment, "web.")
        wait_until_ready(settings.host, settings.port, lambda: children.are_running("web."))
        children.start(self.environment)

    def _announce(self, settings: Settings, url: str, notice: str, seconds: float) -> None:
        lines = ["", f"  {settings.programme_name} is ready: {url}  ({seconds:.1f} s)"]
        lines += [f"  {line}".rstrip() for line in notice.splitlines()]
        lines += ["  Stop it with Ctrl-C.", ""]
        print("\n".join(lines), flush=True)

    def _say(self, line: str) -> None:
        if self.children is not None:
            self.children.say(line)
