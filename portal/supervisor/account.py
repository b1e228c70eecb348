"""The account that everything runs under when root starts it: PostgreSQL refuses root, and nothing else needs it.

Folders above the checkout and the data directory stay as they are. Where the account may not enter them (root's home is
closed to others), it gets the one capability of root's that it needs, to read and to enter, and no other.
"""

import os
import pwd
import shutil
import subprocess
import sys
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from portal.supervisor.files import StartFailedError

NAME = "portal-service"
# Linux capabilities and their numbers. The second allows writing too: used only if a container has dropped the first.
_READ, _READ_AND_WRITE = ("dac_read_search", 2), ("dac_override", 1)
_TOO_MUCH = (
    "The account that the portal runs under cannot reach the checkout, its Python or DATA_DIR, and this container can "
    "only lend it the right to write everywhere too: put them where every user may enter, such as /srv."
)
_SYSTEM_PROGRAMS = "/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"
_LOOK = "import os, sys; sys.exit(not all(os.access(path, os.R_OK) for path in sys.argv[1:]))"


@dataclass(frozen=True)
class Account:
    """The account to run programs as: its user and group id; None: the current user's own."""

    ids: tuple[int, int] | None

    def own(self, directory: Path) -> None:
        """Create `directory`, private, if it is missing, and make the account its owner."""
        directory.mkdir(mode=0o700, exist_ok=True)
        self.take(directory)

    def take(self, path: Path) -> None:
        """Make the account the owner of a file or folder; of a link, not of its target."""
        if self.ids is not None:
            os.chown(path, *self.ids, follow_symlinks=False)

    def starter(self, paths: Iterable[Path], rights: Collection[str] = ()) -> list[str]:
        """The command prefix that runs a command as the account, able to read the paths; empty for the current user.

        :raises StartFailedError: if switching to the account fails, or it cannot be given access to the paths.
        """
        if self.ids is None:
            return []
        if not self._reads(paths):
            rights = [*rights, capability := _find_capability()]
            if capability == _READ_AND_WRITE[0]:
                print(_TOO_MUCH, file=sys.stderr, flush=True)
        command = self._switch(rights)
        if rights and subprocess.run([*command, sys.executable, "-c", ""], capture_output=True, check=False).returncode:
            raise StartFailedError(_unreachable(f"it may not run {sys.executable}"))
        return command

    def _reads(self, paths: Iterable[Path]) -> bool:
        """Whether the account can run this Python and read the paths without any capability of root's."""
        python = Path(sys.executable).resolve(), Path(os.__file__)  # not implied: it may start with another library
        command = [*self._switch(()), sys.executable, "-S", "-c", _LOOK, *map(str, [*python, *paths])]
        return subprocess.run(command, cwd="/", capture_output=True, check=False).returncode == 0

    def _switch(self, rights: Collection[str]) -> list[str]:
        assert self.ids is not None
        kept = ",".join(["-all", *(f"+{right}" for right in rights)])
        user, group = self.ids
        return [
            _find("setpriv", "util-linux"),
            *(f"--reuid={user}", f"--regid={group}", "--clear-groups"),
            *(f"--inh-caps={kept}", f"--ambient-caps={kept}", f"--bounding-set={kept}"),
            *(["--securebits=+no_setuid_fixup"] if rights else []),  # else access() ignores the capabilities
            "--",
        ]


def owner_of(data_dir: Path) -> Account:
    """The account for a data directory: its owner, or if that is root, the service account.

    :raises StartFailedError: if the service account cannot be created.
    """
    if os.geteuid() != 0:
        return Account(None)
    status = data_dir.stat()
    return Account((status.st_uid, status.st_gid)) if status.st_uid else find_account()


def find_account() -> Account:
    """The current user's account, or for root the system user `portal-service`, created if it is missing.

    :raises StartFailedError: if it cannot be created.
    """
    if os.geteuid() != 0:
        return Account(None)
    said = ""
    for _ in range(20):
        try:
            entry = pwd.getpwnam(NAME)
            return Account((entry.pw_uid, entry.pw_gid))
        except KeyError:
            said = _create()
    raise StartFailedError(f"The system user {NAME} could not be made; {said}: add it, or start as an ordinary user.")


def _create() -> str:
    """Add the user; returns what the command said. Another instance may do the same: the next look-up shows it."""
    command = [
        _find("useradd", "passwd"),
        "--system",
        "--user-group",
        "--no-create-home",
        "--shell",
        "/bin/false",
        NAME,
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        time.sleep(0.2)
    said = result.stderr.strip().splitlines() or [f"exit code {result.returncode}"]
    return f"`{' '.join(command)}` said: {said[-1].rstrip('.')}"


def _find(program: str, package: str) -> str:
    """The path of a system program, which need not be on root's PATH."""
    found = shutil.which(program, path=os.pathsep.join([os.environ.get("PATH", ""), _SYSTEM_PROGRAMS]))
    if found is None:
        raise StartFailedError(
            f"Root starts the portal under an account of its own, and the command {program} for that is missing: "
            f"install the package {package}, or start as an ordinary user."
        )
    return found


def _find_capability() -> str:
    """The capability that lets the account enter closed folders, of those that this machine allows.

    :raises StartFailedError: if it allows none of them.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    bounding = int(next(line for line in status.splitlines() if line.startswith("CapBnd")).split()[1], 16)
    for capability, number in (_READ, _READ_AND_WRITE):
        if bounding >> number & 1:
            return capability
    raise StartFailedError(_unreachable("there is no right to lend it"))


def _unreachable(why: str) -> str:
    return (
        f"Root starts the portal under an account of its own, which cannot reach the checkout, its Python or DATA_DIR: "
        f"{why}. Put them where every user may enter, such as /srv, or start as an ordinary user."
    )
