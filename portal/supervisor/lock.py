"""One supervisor per data directory."""

import fcntl
import os
from pathlib import Path

from portal.supervisor.files import StartFailedError


class DataDirLock:
    """Holds `DATA_DIR/.lock` until released or until the process ends, however it ends.

    A record lock, because no child inherits it: orphans of a killed supervisor cannot keep it.
    """

    def __init__(self, data_dir: Path) -> None:
        self.path = data_dir / ".lock"
        self._file = -1

    def acquire(self) -> None:
        """Take the lock at once.

        :raises StartFailedError: if another process holds it.
        """
        while True:
            file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                holder = os.read(file, 32).decode(errors="replace").strip() or "another process"
                os.close(file)
                raise StartFailedError(_taken(self.path.parent, holder)) from None
            if self._is_current(file):
                break
            os.close(file)
        os.ftruncate(file, 0)
        os.write(file, str(os.getpid()).encode())
        self._file = file

    def release(self) -> None:
        """Give the lock back and remove its file."""
        if self._file >= 0:
            self.path.unlink(missing_ok=True)
            os.close(self._file)
            self._file = -1

    def _is_current(self, file: int) -> bool:
        """Whether the file locked is still the one on disk: its last holder may have removed it meanwhile."""
        try:
            return os.path.samestat(os.fstat(file), self.path.stat())
        except FileNotFoundError:
            return False


def _taken(data_dir: Path, holder: str) -> str:
    return (
        f"The instance in {data_dir} is already running (process {holder}): "
        "stop it first, or choose another DATA_DIR and PORT."
    )
