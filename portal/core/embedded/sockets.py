"""Where the servers' Unix sockets lie."""

import re
import shutil
import tempfile
from pathlib import Path

_LONGEST = 100 - len("/.s.PGSQL.5432.lock")
_PLAIN = re.compile(r"[A-Za-z0-9._/@+-]+")


def socket_directory(data_dir: Path, name: str) -> Path:
    """`DATA_DIR/name`, or a private temporary folder where that is too long for a socket or unsafe in a URL.

    `DATA_DIR/name.path` keeps the temporary path, so that the next start removes what a killed one left.
    """
    directory = data_dir / name
    if len(str(directory)) <= _LONGEST and _PLAIN.fullmatch(str(directory)):
        return directory
    note = data_dir / f"{name}.path"
    if note.exists():
        shutil.rmtree(note.read_text(encoding="utf-8"), ignore_errors=True)
    temporary = tempfile.mkdtemp(prefix="portal-")
    note.write_text(temporary, encoding="utf-8")
    return Path(temporary)
