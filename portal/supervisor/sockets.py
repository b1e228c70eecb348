"""Where a server's Unix socket lies."""

import re
import shutil
import tempfile
from pathlib import Path

_LONGEST = 100 - len("/.s.PGSQL.5432.lock")
_PLAIN = re.compile(r"[A-Za-z0-9._/@+-]+")


class SocketDirectory:
    """`DATA_DIR/name`, or a private temporary folder where that is too long for a socket or unsafe in a URL.

    `DATA_DIR/name.path` keeps the temporary path, so that the next start removes what a killed one left.
    """

    def __init__(self, data_dir: Path, name: str) -> None:
        self.path = data_dir / name
        self._note = data_dir / f"{name}.path"
        if len(str(self.path)) > _LONGEST or not _PLAIN.fullmatch(str(self.path)):
            if self._note.exists():
                shutil.rmtree(self._note.read_text(encoding="utf-8"), ignore_errors=True)
            self.path = Path(tempfile.mkdtemp(prefix="portal-"))
            self._note.write_text(str(self.path), encoding="utf-8")

    def remove(self) -> None:
        """Remove the folder and what a server left in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._note.unlink(missing_ok=True)
