"""Which processes belong to a data directory, so that survivors of a killed supervisor can be ended."""

import ctypes
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Container, Iterable, Iterator
from pathlib import Path
from typing import Any

import psutil

from portal.supervisor.files import read_json, write_json

TOKEN_VARIABLE = "PORTAL_START_TOKEN"  # noqa: S105 - the name of a marker, not a secret
_PR_SET_CHILD_SUBREAPER = 36
_GONE = (psutil.Error, OSError)


class ProcessRecord:
    """`DATA_DIR/processes.json`: what this start runs.

    A process is recognised by marks that a reused pid cannot carry: pid with creation time, or the start's
    token in its environment, which all descendants of our processes inherit.
    """

    def __init__(self, data_dir: Path) -> None:
        self.path = data_dir / "processes.json"
        self.token = secrets.token_hex(16)
        self._known: dict[str, dict[str, Any]] = {}

    def begin(self) -> None:
        """End what an earlier, killed start left running, and open this start's record."""
        end(_survivors(read_json(self.path)))
        self._write()

    def add(self, name: str, pid: int) -> None:
        """Record a child under its name, replacing its predecessor."""
        try:
            self._known[name] = {"name": name, "pid": pid, "create_time": psutil.Process(pid).create_time()}
        except psutil.NoSuchProcess:
            self._known.pop(name, None)
        self._write()

    def environment(self) -> dict[str, str]:
        """What a child's environment must contain to be recognised."""
        return {TOKEN_VARIABLE: self.token}

    def end_strays(self) -> None:
        """End what this start's processes spawned and left behind."""
        end(_survivors({"token": self.token}))

    def close(self) -> None:
        """Remove the record: nothing of this start runs any more."""
        self.path.unlink(missing_ok=True)

    def _write(self) -> None:
        write_json(self.path, {"token": self.token, "processes": list(self._known.values())})


def adopt_orphans() -> None:
    """Become the parent of processes that our children leave behind; on systems other than Linux, init does that."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def collect_orphans(known: Container[int]) -> None:
    """Reap adopted processes that have ended; other code waits for those in `known`."""
    while sys.platform == "linux":
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if ended is None or ended.si_pid in known:
            return
        os.waitpid(ended.si_pid, 0)


def servers_in(directory: Path, name: str) -> list[psutil.Process]:
    """The running processes called `name` whose working directory is `directory`.

    Servers overwrite their environment with their title, so that no token can be read from it.
    """
    place = directory.resolve()
    return [process for process in psutil.process_iter() if _works_in(process, name, place)]


def end(processes: Iterable[psutil.Process], sign: signal.Signals = signal.SIGTERM, patience: float = 2) -> None:
    """Ask the processes to end by `sign`; those that have not after `patience` seconds are killed."""
    left = list(processes)
    for step, wait in ((sign, patience), (signal.SIGKILL, 5)):
        for process in left:
            _send(process, step)
        left = _wait(left, wait)


def end_child(child: "subprocess.Popen[bytes]", sign: signal.Signals, patience: float) -> None:
    """Ask a child of ours to end by `sign`; if it has not after `patience` seconds it is killed."""
    child.send_signal(sign)
    try:
        child.wait(patience)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def is_alive(process: psutil.Process) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except _GONE:
        return False


def _survivors(record: dict[str, Any]) -> Iterator[psutil.Process]:
    known = {(child["pid"], child["create_time"]) for child in record.get("processes", ())}
    token = record.get("token")
    for process in psutil.process_iter():
        try:
            ours = (process.pid, process.create_time()) in known or (
                token is not None and process.environ().get(TOKEN_VARIABLE) == token
            )
            if ours and process.pid != os.getpid() and process.name() != "postgres":
                yield process
        except _GONE:
            continue


def _works_in(process: psutil.Process, name: str, place: Path) -> bool:
    try:
        return process.name() == name and Path(process.cwd()) == place
    except _GONE:
        return False


def _send(process: psutil.Process, sign: signal.Signals) -> None:
    try:
        process.send_signal(sign)
    except _GONE:
        return


def _wait(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    deadline = time.monotonic() + seconds
    left = [process for process in processes if is_alive(process)]
    while left and time.monotonic() < deadline:
        time.sleep(0.02)
        left = [process for process in left if is_alive(process)]
    return left
