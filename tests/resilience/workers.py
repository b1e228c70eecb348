"""Real workers and schedulers as processes of their own, on a test's database and queues."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil

from portal.platform.web.application import Portal

ROOT = Path(__file__).resolve().parents[2]


def environment(app: Portal, **settings: str) -> dict[str, str]:
    """What a process needs to work on the same database and queues as this application."""
    known = app.config["SETTINGS"]
    own = {
        "DATABASE_URL": known.database_url,
        "REDIS_URL": known.redis_url,
        "SECRET_KEY": known.secret_key,
        "EMAIL_URL": known.email_url,
        "PUBLIC_URL": known.public_url,
        "LOG_LEVEL": "ERROR",
        "NUDGE_QUIET_HOURS": known.nudge_quiet_hours,
    }
    return {**os.environ, **own, **settings}


class Process:
    """A process that can be killed, alone or with its children."""

    def __init__(self, arguments: list[str], variables: dict[str, str]) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    @property
    def horses(self) -> list[psutil.Process]:
        """What it has forked and still runs."""
        try:
            return psutil.Process(self.popen.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def ask(self) -> str:
        """Send it a line, and hear its answer."""
        assert self.popen.stdin is not None
        assert self.popen.stdout is not None
        self.popen.stdin.write("\n")
        self.popen.stdin.flush()
        return self.popen.stdout.readline()

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone; its horses live on."""
        self.popen.kill()
        self.popen.wait()

    def kill_horses(self) -> int:
        """SIGKILL to its horses alone."""
        victims = self.horses
        for horse in victims:
            _kill(horse)
        return len(victims)

    def stop(self) -> None:
        """SIGTERM, then whatever it takes."""
        victims = self.horses
        self.popen.send_signal(signal.SIGTERM)
        try:
            self.popen.wait(10)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
        for horse in victims:
            _kill(horse)
        for pipe in (self.popen.stdin, self.popen.stdout):
            if pipe is not None:
                pipe.close()


def _kill(process: psutil.Process) -> None:
    """SIGKILL to a process that may have ended by itself since it was found."""
    with suppress(psutil.NoSuchProcess):
        process.kill()


def flask(command: str, app: Portal, **settings: str) -> Process:
    """`flask --app wsgi COMMAND`."""
    return Process(["-m", "flask", "--app", "wsgi", command], environment(app, **settings))
