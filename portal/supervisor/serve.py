"""`python -m portal.supervisor.serve`: replace this process by the web server, as the settings describe it."""

import os
import sys
from pathlib import Path

from portal.config import Settings, SettingsError

# Requests that may wait for each thread; the server takes no more, because a longer queue is not worked off in time.
WAITING_PER_THREAD = 32


def command(settings: Settings) -> list[str]:
    """The web server's program and arguments."""
    threads = settings.web_threads
    return [
        str(Path(sys.executable).with_name("granian")),
        *("--interface", "wsgi", "--host", settings.host, "--port", str(settings.port)),
        *("--workers", str(settings.web_workers), "--blocking-threads", str(threads)),
        *("--backpressure", str(threads * WAITING_PER_THREAD)),
        *("--respawn-failed-workers", "--respawn-interval", "1", "--workers-kill-timeout", "8"),
        *("--no-ws", "--log-level", "error", "wsgi:app"),
    ]


def main() -> None:
    """Start the server in place of this process, or say in one sentence why not."""
    try:
        arguments = command(Settings.load())
    except SettingsError as error:
        sys.exit(str(error))
    os.execv(arguments[0], arguments)  # noqa: S606 - no shell, on purpose


if __name__ == "__main__":
    main()
