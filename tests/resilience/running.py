"""`make run` as a person would use it, in a data directory of its own."""

import json
import os
import signal
import socket
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import requests

ROOT = Path(__file__).resolve().parents[2]
SERVERS = {"postgres", "redis-server"}
# No demo, few processes, no job that pays points while a test counts them, and messages at any hour.
SMALL = {"DEMO": "0", "WORKERS": "1", "WEB_WORKERS": "1", "STREAK_BONUS_POINTS": "0", "NUDGE_QUIET_HOURS": ""}
OURS = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "PUBLIC_URL", "HOST", "PORT", "DATA_DIR")


def free_port() -> int:
    """A port that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Running:
    """A `make run`, and everything it starts."""

    def __init__(self, data_dir: Path, port: int | None = None, **settings: str) -> None:
        self.data_dir = data_dir
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        own = {"DATA_DIR": str(data_dir), "PORT": str(self.port), **SMALL}
        clean = {name: value for name, value in os.environ.items() if name not in OURS}
        self.environment = {**clean, **own, **settings}
        self.started = time.monotonic()
        self.make = subprocess.Popen(
            ["make", "run"],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait(self) -> float:
        """Wait until it says that it is ready; gives the seconds that took."""
        while not any(" is ready: " in line for line in self.lines):
            assert self._reader.is_alive(), "It ended before it was ready:\n" + "".join(self.lines)
            time.sleep(0.02)
        return time.monotonic() - self.started

    def finish(self, seconds: float = 240) -> str:
        """Wait for its end; gives what it printed."""
        self.make.wait(seconds)
        self._reader.join(seconds)
        return "".join(self.lines)

    def stop(self, sign: signal.Signals = signal.SIGTERM) -> str:
        """Ask `make` to stop, as a terminal or a service manager does."""
        self.make.send_signal(sign)
        return self.finish()

    def end(self) -> None:
        """Stop whatever still runs, in whatever state a test left it."""
        if self.make.poll() is None:
            self.make.terminate()
            self.finish()
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def kill(self, what: str) -> list[psutil.Process]:
        """SIGKILL to `everything`, `all but its servers` or `the supervisor alone`; gives what still runs."""
        spared = {"everything": (), "all but its servers": SERVERS}.get(what)
        found = self.processes()
        supervisor = self.processes("supervisor.run")
        doomed = []
        for process in supervisor if spared is None else [*supervisor, *found]:
            with suppress(psutil.NoSuchProcess):
                if process.name() not in (spared or ()):
                    process.kill()
                    doomed.append(process)
        self.make.wait()
        while any(self._owns(process) for process in doomed):
            time.sleep(0.01)
        return [process for process in found if self._owns(process)]

    def processes(self, name: str = "") -> list[psutil.Process]:
        """What runs for this data directory: by the setting in its environment, servers by where they work."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.NoSuchProcess):
                if self._owns(process) and name in " ".join(process.cmdline()):
                    found.append(process)
        return found

    def known(self) -> dict[str, Any]:
        """What `instance.json` says."""
        content: dict[str, Any] = json.loads((self.data_dir / "instance.json").read_text())
        return content

    def flask(self, *command: str, text: str = "") -> str:
        """Run a command of the application against this instance; gives its standard output."""
        environment = {**self.environment, "DATA_DIR": str(self.data_dir)}
        done = subprocess.run(
            [str(ROOT / ".venv/bin/flask"), "--app", "wsgi", *command],
            cwd=ROOT,
            env=environment,
            input=text,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def ask(self, method: str, path: str, token: str = "", **options: Any) -> requests.Response:
        """One HTTP request, with a service token."""
        with requests.Session() as session:
            session.trust_env = False
            if token:
                session.headers["Authorization"] = f"Bearer {token}"
            return session.request(method, self.url + path, timeout=60, **options)

    def is_ready(self) -> bool:
        """Whether `/readyz` answers 200."""
        try:
            return self.ask("GET", "/readyz").status_code == 200
        except OSError:
            return False

    def _read(self) -> None:
        """Take what it prints as it comes: a full pipe would hold it up."""
        assert self.make.stdout is not None
        for line in self.make.stdout:
            self.lines.append(line)

    def _owns(self, process: psutil.Process) -> bool:
        try:
            if process.status() == psutil.STATUS_ZOMBIE or process.pid == self.make.pid:
                return False
            if process.name() in SERVERS:
                return self.data_dir.resolve() in Path(process.cwd()).parents
            return process.environ().get("DATA_DIR") == str(self.data_dir)
        except psutil.Error:
            return False
