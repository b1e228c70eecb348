"""What root does before it stops being root: the data directory is given to the account that the portal runs under."""

import compileall
import os
import sys
from pathlib import Path

from portal.supervisor.account import Account, owner_of
from portal.supervisor.files import StartFailedError
from portal.supervisor.instance import prepare_data_dir

# Everything that a start creates in a data directory.
OURS = frozenset(
    {"instance.json", "instance.new", "processes.json", "processes.new", ".lock", ".writable", "log", "metrics"}
    | {"postgres", "postgres.new", "postgres-socket", "postgres-socket.path"}
    | {"redis", "redis-socket", "redis-socket.path"}
)
_MOUNT_POINT = "lost+found"
_LOWEST_FREE_PORT = 1024


def step_down(root: Path, port: int) -> None:
    """If started by root, run this same command again under the data directory's account; else do nothing.

    :raises StartFailedError: if there is no such account, or the data directory contains foreign files.
    """
    if os.geteuid() != 0:
        return
    data_dir = prepare_data_dir(os.environ.get("DATA_DIR") or "instance")
    account = hand_over(data_dir)
    rights = ["net_bind_service"] if port < _LOWEST_FREE_PORT else []
    command = account.starter([root / "wsgi.py", root / "portal", root / "templates", data_dir], rights)
    compileall.compile_dir(root / "portal", quiet=2)  # the account may not write beside the modules
    os.environ["HOME"] = str(data_dir)  # the account cannot use root's
    os.execv(command[0], [*command, sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - no shell, on purpose


def hand_over(data_dir: Path) -> Account:
    """Give a data directory of root's, with what earlier starts left in it, to the service account; returns its owner.

    :raises StartFailedError: if it contains something that no start created.
    """
    account = owner_of(data_dir)
    if account.ids is None or data_dir.stat().st_uid:
        return account
    found = {path.name for path in data_dir.iterdir()} - {_MOUNT_POINT}
    if found - OURS:
        raise StartFailedError(
            f"DATA_DIR {data_dir} is not the portal's: it holds {min(found - OURS)}. Choose an empty or a new folder."
        )
    for name in found:
        _give(data_dir / name, account)
    account.take(data_dir)
    return account


def _give(path: Path, account: Account) -> None:
    """Give a file, or a folder with its contents, to the account; links are not followed."""
    account.take(path)
    if path.is_dir() and not path.is_symlink():
        for inner in path.iterdir():
            _give(inner, account)
