"""`make run` for real: started, stopped, killed and started again."""

import json
import secrets
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from portal.platform.web.application import Portal
from portal.supervisor.processes import is_alive
from tests.databases import Servers
from tests.resilience.running import Running, free_port

ADA = "/api/v1/loyalty/members/ada"


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A data directory with a path as short as a real one's."""
    with tempfile.TemporaryDirectory(prefix="run-") as folder:
        yield Path(folder) / "instance"


@pytest.fixture
def run(data_dir: Path) -> Iterator[Callable[..., Running]]:
    """Starts instances and makes sure that none outlives the test, or its data directory."""
    started: list[Running] = []

    def start(data_dir: Path, port: int | None = None, **settings: str) -> Running:
        started.append(Running(data_dir, port, **settings))
        return started[-1]

    yield start
    for instance in started:
        instance.end()


def refusal(instance: Running) -> str:
    """The one sentence that a refused start prints, before make's own line."""
    output = instance.finish()
    assert instance.make.returncode != 0
    assert "Traceback" not in output
    assert instance.processes() == []
    lines = [line for line in output.splitlines() if line.strip() and not line.startswith("make")]
    assert len(lines) == 1, output
    return lines[0]


def eventually(look: Callable[[], Any], what: str, seconds: float = 180) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.1)
    return found


def newer(now: list[psutil.Process], before: list[psutil.Process]) -> list[psutil.Process]:
    """Those that run now and none of those from before any more; empty while one of these still runs."""
    return [] if set(now) & set(before) else now


def add_ada(instance: Running) -> str:
    """Make a member; gives a token to ask for her."""
    token = instance.flask("tokens", "create", "--name", "tests", "--scope", "admin")
    answer = instance.ask("PUT", "/api/v1/users/ada", token, json={"email": "ada@example.com", "name": "Ada"})
    assert answer.status_code == 201, answer.text
    return token


def adjust(instance: Running, token: str) -> int:
    """Give Ada 70 points; her balance once the portal has acknowledged it."""
    answer = instance.ask("POST", f"{ADA}/adjustments", token, json={"points": 70, "reason": "Goodwill"})
    assert answer.status_code == 201, answer.text
    return int(answer.json()["balanceAfter"])


def balance(instance: Running, token: str) -> int:
    return int(instance.ask("GET", ADA, token).json()["balance"])


def left(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run a minute later; what has ended and was not collected by its parent yet runs no more."""
    _, alive = psutil.wait_procs(processes, timeout=60)
    return [process for process in alive if is_alive(process)]


def test_sigterm_leaves_only_data_and_a_second_start_is_quick_and_finds_it(
    run: Callable[..., Running], data_dir: Path
) -> None:
    first = run(data_dir)
    made_in = first.wait()
    secret, token = first.known()["secret_key"], add_ada(first)
    adjust(first, token)
    assert (data_dir / "instance.json").stat().st_mode & 0o777 == 0o600
    first.stop(signal.SIGTERM)
    assert first.processes() == []
    assert {path.name for path in data_dir.iterdir()} == {"instance.json", "log", "postgres", "redis"}
    assert not (data_dir / "postgres" / "postmaster.pid").exists()

    second = run(data_dir, first.port)
    assert second.wait() < max(15, 1.5 * made_in), "5 s on an idle machine; this one runs tests beside it"
    assert second.known()["secret_key"] == secret
    assert balance(second, token) == 70


def test_after_any_sigkill_it_starts_at_once_and_what_was_acknowledged_is_there(
    run: Callable[..., Running], data_dir: Path
) -> None:
    instance = run(data_dir)
    instance.wait()
    token, points = add_ada(instance), 0
    for killed in ("everything", "all but its servers", "the supervisor alone"):
        points = [adjust(instance, token) for _ in range(3)][-1]
        orphans = instance.kill(killed)
        assert bool(orphans) is (killed != "everything")
        instance = run(data_dir, instance.port)
        instance.wait()
        assert balance(instance, token) == points
        assert left(orphans) == []
    assert points == 9 * 70
    instance.flask("ledger", "verify")


def test_whatever_dies_is_started_again_until_ctrl_c_stops_all(run: Callable[..., Running], data_dir: Path) -> None:
    instance = run(data_dir)
    instance.wait()
    for victim in ("wsgi worker", "wsgi scheduler", "granian", "redis-server", "postgres -D"):
        old = eventually(lambda name=victim: instance.processes(name), f"{victim} runs")
        with suppress(psutil.NoSuchProcess):
            old[0].kill()
        eventually(lambda name=victim, gone=old: newer(instance.processes(name), gone), f"{victim} runs again")
        eventually(instance.is_ready, f"ready after {victim} was killed")
    assert instance.make.poll() is None
    (supervisor,) = instance.processes("supervisor.run")
    supervisor.send_signal(signal.SIGINT)  # a terminal sends it to the whole foreground group
    instance.stop(signal.SIGINT)
    assert instance.processes() == []


def test_two_instances_run_side_by_side_but_not_on_one_data_directory(
    run: Callable[..., Running], data_dir: Path
) -> None:
    one, two = run(data_dir / "one"), run(data_dir / "two")
    one.wait()
    two.wait()
    third = run(data_dir / "one")
    output = third.finish()
    assert third.make.returncode != 0
    assert f"The instance in {data_dir}/one is already running" in output
    assert "Traceback" not in output
    one.stop()
    assert one.processes() == []
    assert two.is_ready()


def test_servers_outside_are_used_and_none_is_started(
    run: Callable[..., Running], data_dir: Path, app: Portal, servers: Servers
) -> None:
    instance = run(data_dir, DATABASE_URL=servers.create("outside"), REDIS_URL=servers.redis_url)
    instance.wait()
    assert {process.name() for process in instance.processes()}.isdisjoint({"postgres", "redis-server"})
    instance.stop()
    servers.drop("outside")


def test_a_taken_port_is_refused(run: Callable[..., Running], data_dir: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        sentence = refusal(run(data_dir, port))
    assert sentence.startswith(f"Port {port} of 127.0.0.1 cannot be used: another program uses it")


def test_an_impossible_port_is_refused(run: Callable[..., Running], data_dir: Path) -> None:
    assert refusal(run(data_dir, PORT="0")) == "PORT must be a number from 1 to 65535, not '0'."


def test_a_data_directory_that_cannot_be_written_is_refused(run: Callable[..., Running], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    sentence = refusal(run(tmp_path / "file" / "instance"))
    assert sentence == f"DATA_DIR {tmp_path}/file/instance cannot be written: Not a directory."


def test_a_database_that_does_not_answer_is_refused(run: Callable[..., Running], data_dir: Path) -> None:
    url = f"postgresql://portal@127.0.0.1:{free_port()}/portal"
    sentence = refusal(run(data_dir, DATABASE_URL=url))
    assert sentence.startswith("The database does not answer as it must: ")


def test_an_impossible_setting_is_refused_by_its_name(run: Callable[..., Running], data_dir: Path) -> None:
    assert "WORKERS" in refusal(run(data_dir, WORKERS="none"))


def test_a_misspelt_setting_is_refused_before_anything_is_made(run: Callable[..., Running], data_dir: Path) -> None:
    sentence = refusal(run(data_dir, REFERAL_BONUS_POINTS="700"))
    assert "did you mean REFERRAL_BONUS_POINTS?" in sentence
    assert not data_dir.exists()


def test_a_production_start_on_demo_data_closes_the_sign_ins_that_were_printed(
    run: Callable[..., Running], data_dir: Path
) -> None:
    first = run(data_dir, DEMO="1")
    first.wait()
    assert "demo-password" in first.stop()

    second = run(data_dir, first.port, DEMO="1", PORTAL_ENV="production", SECRET_KEY=secrets.token_hex(32))
    second.wait()
    users = [json.loads(line) for line in second.flask("users", "list").splitlines()]
    assert "demo-admin" in [user["userId"] for user in users]
    assert [user["userId"] for user in users if user["hasPassword"]] == []
    assert "demo-password" not in second.stop()


def test_an_old_python_is_refused_before_anything_else(
    run: Callable[..., Running], data_dir: Path, tmp_path: Path
) -> None:
    old = tmp_path / "python"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.10.2 && exit 0\nexit 1\n')
    old.chmod(0o755)
    sentence = refusal(run(data_dir, PYTHON=str(old)))
    assert sentence.startswith("The portal needs Python 3.11 or newer, and found only Python 3.10.2")
    assert not data_dir.exists()
