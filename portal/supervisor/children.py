"""The processes of the Procfile: started, their output printed, restarted when they end, stopped together."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from honcho.colour import get_colours
from honcho.environ import parse_procfile
from honcho.printer import Message, Printer
from honcho.process import Popen

from portal.supervisor.processes import ProcessRecord

_STEADY_SECONDS = 60
_LONGEST_PAUSE = 30


class Child:
    """One process of the Procfile, in a session of its own."""

    def __init__(self, name: str, command: str, colour: str) -> None:
        self.name = name
        self.command = command
        self.colour = colour
        self.process: subprocess.Popen[bytes] | None = None
        self.started = 0.0
        self.pause = 0.0
        self.due = 0.0

    def terminate(self) -> None:
        """Ask the process to end; it ends its own children."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def kill(self) -> None:
        """Kill its whole session at once."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)

    def is_running(self) -> bool:
        """Whether its first process runs."""
        return self.process is not None and self.process.poll() is None


class Children:
    """All processes of a Procfile, with one printer in honcho's form: time, name, line."""

    def __init__(self, procfile: Path, concurrency: Mapping[str, int], record: ProcessRecord) -> None:
        self.directory = procfile.parent
        self.record = record
        self._printer = Printer()
        self._printing = threading.Lock()
        self._muted = False
        colours = get_colours()
        self._all = [
            Child(f"{name}.{number}", command, next(colours))
            for name, command in parse_procfile(procfile.read_text(encoding="utf-8")).processes.items()
            for number in range(1, concurrency.get(name, 1) + 1)
        ]
        self._printer.width = max(len(child.name) for child in self._all)

    def start(self, environment: Mapping[str, str], kind: str = "") -> None:
        """Start the children of a kind that do not run; without a kind, of all."""
        for child in self._all:
            if child.name.startswith(kind) and not child.is_running():
                self._spawn(child, environment)

    def are_running(self, kind: str) -> bool:
        """Whether every process of a kind runs."""
        return all(child.is_running() for child in self._all if child.name.startswith(kind))

    def pids(self) -> set[int]:
        """The pids of the children that were started."""
        return {child.process.pid for child in self._all if child.process is not None}

    def revive(self, environment: Mapping[str, str]) -> None:
        """Restart children that have ended: at once if they ran for more than 60 s, else after a growing pause."""
        now = time.monotonic()
        for child in self._all:
            if child.process is not None and child.process.poll() is not None:
                self._plan(child, child.process, now)
            elif child.process is None and child.due <= now:
                self._spawn(child, environment)

    def stop(self, patience: float) -> None:
        """Ask all to end; those that have not after `patience` seconds are killed."""
        deadline = time.monotonic() + patience
        for child in self._all:
            child.terminate()
        while any(child.is_running() for child in self._all) and time.monotonic() < deadline:
            time.sleep(0.02)
        for child in self._all:
            if child.is_running():
                self.say(f"{child.name} did not end in {patience:.0f} s and is killed")
        self.kill()

    def kill(self) -> None:
        """Kill all at once."""
        for child in self._all:
            child.kill()

    def say(self, line: str, child: Child | None = None) -> None:
        """Print a line under a child's name, or the supervisor's own."""
        name, colour = (child.name, child.colour) if child else ("portal", None)
        message = Message(type="line", data=line, time=datetime.now().astimezone(), name=name, colour=colour)
        with self._printing:
            if self._muted:
                return
            try:
                self._printer.write(message)
            except OSError:
                self._muted = True  # nobody reads our output any more; the portal goes on

    def _spawn(self, child: Child, environment: Mapping[str, str]) -> None:
        own: dict[str, Any] = {"HONCHO_PROCESS_NAME": child.name}
        child.process = Popen(child.command, env={**environment, **own}, cwd=self.directory, stdin=subprocess.DEVNULL)
        child.started = time.monotonic()
        self.record.add(child.name, child.process.pid)
        threading.Thread(target=self._relay, args=(child, child.process), daemon=True).start()

    def _relay(self, child: Child, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.say(line.decode(errors="replace"), child)

    def _plan(self, child: Child, process: "subprocess.Popen[bytes]", now: float) -> None:
        with suppress(ProcessLookupError):  # what is left of its session must not run beside its successor
            os.killpg(process.pid, signal.SIGKILL)
        steady = now - child.started > _STEADY_SECONDS
        child.pause = 0 if steady else min(_LONGEST_PAUSE, child.pause * 2 or 1)
        child.process, child.due = None, now + child.pause
        self.say(f"{child.name} ended (exit {process.returncode}); starts again in {child.pause:.0f} s")
