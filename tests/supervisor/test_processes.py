"""Recognising and ending what belongs to a data directory, and nothing else."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from portal.supervisor.files import StartFailedError, read_json, write_json
from portal.supervisor.lock import DataDirLock
from portal.supervisor.processes import TOKEN_VARIABLE, ProcessRecord, end, is_alive
from tests.supervisor.embedded_child import hold_lock

SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)",
]


def spawn(command: list[str] = SLEEP, **environment: str) -> "subprocess.Popen[bytes]":
    process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    return process


def test_a_new_start_ends_what_the_record_of_a_killed_one_lists(tmp_path: Path) -> None:
    killed = ProcessRecord(tmp_path)
    child = spawn()
    killed.add("web.1", child.pid)
    ProcessRecord(tmp_path).begin()
    assert child.wait(5) == -signal.SIGTERM


def test_what_carries_the_token_of_a_killed_start_is_ended_though_never_listed(tmp_path: Path) -> None:
    killed = ProcessRecord(tmp_path)
    killed.begin()
    grandchild = spawn(**killed.environment())
    stranger = spawn(**{TOKEN_VARIABLE: "another start"})
    ProcessRecord(tmp_path).begin()
    assert grandchild.wait(5) == -signal.SIGTERM
    assert stranger.poll() is None
    end([psutil.Process(stranger.pid)])


def test_a_reused_pid_is_left_alone(tmp_path: Path) -> None:
    stranger = spawn()
    listed = {"name": "web.1", "pid": stranger.pid, "create_time": 1.0}
    write_json(tmp_path / "processes.json", {"token": "gone", "processes": [listed]})
    ProcessRecord(tmp_path).begin()
    assert stranger.poll() is None
    end([psutil.Process(stranger.pid)])


def test_a_record_cut_short_does_not_stop_a_start(tmp_path: Path) -> None:
    (tmp_path / "processes.json").write_text('{"token": "abc", "proc')
    ProcessRecord(tmp_path).begin()
    assert read_json(tmp_path / "processes.json")["processes"] == []


def test_what_does_not_listen_is_killed_after_the_patience() -> None:
    process = spawn(STUBBORN)
    begun = time.monotonic()
    end([psutil.Process(process.pid)], patience=0.3)
    assert process.wait(5) == -signal.SIGKILL
    assert time.monotonic() - begun < 5


def test_a_process_that_waits_to_be_collected_is_not_alive() -> None:
    process = spawn()
    seen = psutil.Process(process.pid)
    assert is_alive(seen)
    process.kill()
    while seen.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    assert not is_alive(seen)
    process.wait()


def test_the_lock_names_its_holder_and_is_free_when_that_dies(tmp_path: Path) -> None:
    with hold_lock(tmp_path) as holder:
        with pytest.raises(StartFailedError, match=rf"already running \(process {holder.pid}\)"):
            DataDirLock(tmp_path).acquire()
        holder.kill()
        holder.wait()
        lock = DataDirLock(tmp_path)
        lock.acquire()
        lock.release()
    assert list(tmp_path.iterdir()) == []
