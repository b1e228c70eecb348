"""The account PostgreSQL runs under: it refuses to be started by root."""

import os
import pwd
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portal.core.embedded.failures import StartFailedError

NAME = "portal-postgres"


@dataclass(frozen=True)
class Account:
    """Whom to run a server as; `entry` is None when it is whoever starts it."""

    entry: pwd.struct_passwd | None

    def popen_options(self) -> dict[str, Any]:
        """Options of `subprocess` that switch to the account."""
        if self.entry is None:
            return {}
        return {"user": self.entry.pw_uid, "group": self.entry.pw_gid, "extra_groups": []}

    def own(self, directory: Path) -> None:
        """Make `directory`, private to the account, if it is missing."""
        directory.mkdir(mode=0o700, exist_ok=True)
        if self.entry is not None:
            os.chown(directory, self.entry.pw_uid, self.entry.pw_gid)

    def let_reach(self, path: Path) -> None:
        """Let the account pass through the folders above `path`: it may enter them, not list them."""
        if self.entry is None:
            return
        for folder in path.resolve().parents:
            mode = folder.stat().st_mode
            if not mode & 0o001 and folder.stat().st_uid != self.entry.pw_uid:
                folder.chmod(mode | 0o001)

    def let_run(self, programs: Path) -> None:
        """Let the account run the programs of a wheel, which a strict umask may have closed to it."""
        self.let_reach(programs / "any")
        if self.entry is None or (programs / "initdb").stat().st_mode & 0o005 == 0o005:
            return
        package = programs.parent
        for folder in (package, package.parent.with_name(f"{package.parent.name}.libs")):
            for path in (folder, *folder.rglob("*")):
                mode = path.stat().st_mode
                path.chmod(mode | 0o004 | (0o001 if mode & 0o100 else 0))


def find_account() -> Account:
    """An ordinary user's own account, or for root the system user `portal-postgres`, made when missing.

    :raises StartFailedError: it cannot be made.
    """
    if os.geteuid() != 0:
        return Account(None)
    for _ in range(20):
        try:
            return Account(pwd.getpwnam(NAME))
        except KeyError:
            _create()
    raise StartFailedError(
        f"PostgreSQL does not run as root and the system user {NAME} could not be made: "
        "add it, or start as an ordinary user."
    )


def _create() -> None:
    """Add the user. Another instance may be doing the same: the next look-up tells, not the exit code."""
    command = ["useradd", "--system", "--user-group", "--no-create-home", NAME]
    try:
        result = subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError:
        return
    if result.returncode:
        time.sleep(0.2)
