"""The web server's command: every argument has a value, whatever is set and whatever is not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from honcho.environ import parse_procfile

from portal.config import Settings
from portal.supervisor.serve import command

ROOT = Path(__file__).parents[2]
PROCFILE = parse_procfile((ROOT / "Procfile").read_text()).processes
DOCUMENTED = {
    "PORTAL_ENV": "production",
    "SECRET_KEY": "0123456789abcdef0123456789ABCDEF",
    "DATABASE_URL": "postgresql://portal@/portal",
    "REDIS_URL": "redis://127.0.0.1",
    "PUBLIC_URL": "https://rewards.example.com",
    "TRUSTED_PROXIES": "1",
}


def option(arguments: list[str], name: str) -> str:
    return arguments[arguments.index(name) + 1]


def test_it_has_the_defaults_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOST", "PORT", "WEB_WORKERS", "WEB_THREADS"):
        monkeypatch.delenv(name, raising=False)
    arguments = command(Settings())
    assert (option(arguments, "--host"), option(arguments, "--port")) == ("127.0.0.1", "8000")
    assert (option(arguments, "--workers"), option(arguments, "--blocking-threads")) == ("2", "8")
    assert option(arguments, "--backpressure") == "256"
    assert all(arguments)


def test_it_follows_the_settings() -> None:
    arguments = command(Settings(host="::1", port=81, web_workers=3, web_threads=4))
    assert [option(arguments, name) for name in ("--host", "--port", "--workers")] == ["::1", "81", "3"]
    assert option(arguments, "--backpressure") == "128"


def test_no_process_reads_a_variable_that_a_supervisor_may_not_have_set() -> None:
    assert set(PROCFILE) == {"web", "worker", "scheduler"}
    assert not [line for line in PROCFILE.values() if "$" in line]


@pytest.mark.parametrize("missing", ["SECRET_KEY", "DATABASE_URL", "REDIS_URL"])
def test_the_line_of_the_procfile_names_what_is_missing(missing: str, tmp_path: Path) -> None:
    variables = {name: value for name, value in DOCUMENTED.items() if name != missing}
    done = subprocess.run(
        ["/bin/sh", "-c", PROCFILE["web"]],
        cwd=ROOT,
        env={**variables, "PATH": f"{Path(sys.executable).parent}{os.pathsep}/usr/bin:/bin", "DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"Cannot start: {missing} is not set")
