"""`python -m portal.supervisor.run`: run the portal until asked to stop."""

import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from portal.config import SettingsError, refuse_misspelt
from portal.supervisor.files import StartFailedError
from portal.supervisor.instance import read_port
from portal.supervisor.stepdown import step_down
from portal.supervisor.supervisor import Supervisor

ROOT = Path(__file__).resolve().parents[2]
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopAsked(BaseException):
    """A signal asked the portal to stop."""


class Stopper:
    """The first signal interrupts the start or the watch; a second one speeds up the stop."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor = supervisor
        self.asked = False
        for sign in SIGNALS:
            signal.signal(sign, self._on_signal)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self.asked:
            self.supervisor.hurry()
            return
        self.asked = True
        raise StopAsked


def main() -> int:
    """Run the portal, never as root; the exit code is 0 after a stop that was asked for and 1 after a failure."""
    try:
        refuse_misspelt(os.environ)
        step_down(ROOT, read_port(os.environ.get("PORT") or "8000"))
    except (StartFailedError, SettingsError) as error:
        print(error, file=sys.stderr, flush=True)
        return 1
    return _run()


def _run() -> int:
    supervisor = Supervisor(ROOT)
    stopper = Stopper(supervisor)
    failure = ""
    try:
        supervisor.start()
        while not stopper.asked:
            supervisor.watch()
            time.sleep(0.2)
    except StopAsked:
        print("\nStopping …", flush=True)
    except StartFailedError as error:
        failure = str(error)
    except OSError as error:
        failure = f"The portal cannot go on: {error}."
    finally:
        stopper.asked = True
        supervisor.stop()
    if failure:
        print(failure, file=sys.stderr, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
