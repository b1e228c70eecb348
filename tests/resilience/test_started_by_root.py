"""Started by root, nothing runs as root, and nothing above the checkout changes.

Whoever else starts it: everything runs as them.
"""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from portal.supervisor.account import NAME, _find, find_account
from portal.supervisor.files import StartFailedError
from portal.supervisor.stepdown import hand_over
from tests.resilience.running import SMALL
from tests.sink import free_port, wait_for

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = shutil.ignore_patterns(
    ".venv", ".git", "node_modules", "__pycache__", ".*_cache", "instance", "test-results"
)
AS_ROOT = os.geteuid() == 0


@pytest.fixture
def home() -> Iterator[Path]:
    """A home directory that is closed to everybody else, in another one."""
    with tempfile.TemporaryDirectory(prefix="home-") as outer:
        inner = Path(outer) / "owner"
        inner.mkdir(mode=0o700)
        yield inner


@pytest.fixture
def checkout(home: Path) -> Path:
    """A checkout there, made under a strict umask."""
    made = home / "portal"
    shutil.copytree(ROOT, made, ignore=LEFT_OUT)
    for path in (made, *made.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
    return made


def modes(path: Path) -> dict[Path, tuple[int, int]]:
    """The mode and owner of a folder and all folders above it."""
    return {folder: (folder.stat().st_mode, folder.stat().st_uid) for folder in (path, *path.parents)}


def expected_owner() -> int:
    return pwd.getpwnam(NAME).pw_uid if AS_ROOT else os.geteuid()


def descendants(process: "subprocess.Popen[str]") -> list[psutil.Process]:
    head = psutil.Process(process.pid)
    return [head, *head.children(recursive=True)]


def start(checkout: Path, port: int, **settings: str) -> "subprocess.Popen[str]":
    """Start the portal there as `make run` does after set-up; PATH has no folder of root's programs."""
    known = {"PATH": "/usr/bin:/bin", "HOME": str(checkout.parent), "PORT": str(port), **SMALL, **settings}
    return subprocess.Popen(
        [sys.executable, "-m", "portal.supervisor.run"],
        cwd=checkout,
        env=known,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def is_ready(process: "subprocess.Popen[str]", port: int) -> bool:
    assert process.poll() is None, process.communicate()[0]
    try:
        return requests.get(f"http://127.0.0.1:{port}/readyz", timeout=5).status_code == 200
    except OSError:
        return False


def test_a_checkout_in_a_closed_home_runs_under_an_account_of_its_own(checkout: Path) -> None:
    before, port = modes(checkout), free_port()
    for _ in range(2):
        process = start(checkout, port)
        try:
            wait_for(lambda running=process: is_ready(running, port))
            wait_for(lambda running=process: len(descendants(running)) > 12)
            found = descendants(process)
            owners = {other.name(): other.uids().effective for other in found}
            assert {"postgres", "redis-server"} <= set(owners)
            assert set(owners.values()) == {expected_owner()}
            assert modes(checkout) == before
            assert (checkout / "instance" / "instance.json").stat().st_uid == expected_owner()
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)
        assert process.returncode == 0
        assert [other for other in found if other.is_running()] == []


def test_a_folder_with_other_things_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "instance.json").write_text("{}")
    (tmp_path / "letters").mkdir()
    if AS_ROOT:
        with pytest.raises(StartFailedError, match="it holds letters"):
            hand_over(tmp_path)
    assert tmp_path.stat().st_uid == (tmp_path / "letters").stat().st_uid == os.geteuid()


def test_what_earlier_starts_left_is_given_away_and_not_what_links_lead_to(tmp_path: Path) -> None:
    data_dir, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    (data_dir / "log").mkdir(parents=True)
    elsewhere.mkdir()
    (elsewhere / "file").write_text("")
    (data_dir / "instance.json").write_text("{}")
    (data_dir / "log" / "web.log").symlink_to(elsewhere / "file")
    (data_dir / "redis").symlink_to(elsewhere)
    (data_dir / "lost+found").mkdir()
    hand_over(data_dir)
    ours = [data_dir, data_dir / "instance.json", data_dir / "log", data_dir / "log" / "web.log"]
    assert {path.lstat().st_uid for path in ours} == {expected_owner()}
    theirs = [elsewhere, elsewhere / "file", data_dir / "lost+found"]
    assert {path.lstat().st_uid for path in theirs} == {os.geteuid()}


def test_the_account_runs_this_python_and_no_other_wherever_it_lies() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as place:
        Path(place).chmod(0o755)
        starter = find_account().starter([Path(place)])
        code = "import os, sys; print(os.geteuid(), os.__file__, os.access(sys.executable, os.X_OK))"
        done = subprocess.run([*starter, sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(expected_owner()), os.__file__, "True"]


def test_a_command_that_is_missing_is_named() -> None:
    with pytest.raises(StartFailedError, match=r"the command useradd-of-nobody for that is missing.*package passwd"):
        _find("useradd-of-nobody", "passwd")


def test_programs_of_root_are_found_without_its_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert Path(_find("useradd", "passwd")).is_file()
