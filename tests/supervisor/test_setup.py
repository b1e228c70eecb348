"""Set-up of a checkout: done once, and one sentence when a download fails."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = Path("portal/supervisor/setup.py")
NOWHERE = "http://127.0.0.1:9/"
OFFLINE = {
    "PIP_INDEX_URL": NOWHERE,
    "PIP_EXTRA_INDEX_URL": "",
    "PIP_FIND_LINKS": "",
    "PIP_RETRIES": "0",
    "PIP_CONFIG_FILE": os.devnull,
    "npm_config_registry": NOWHERE,
    "npm_config_fetch_retries": "0",
    "npm_config_cache": "cache",
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with the set-up script and what it reads, and no requirement yet."""
    (tmp_path / SCRIPT.parent).mkdir(parents=True)
    (tmp_path / "static").mkdir()
    shutil.copyfile(ROOT / SCRIPT, tmp_path / SCRIPT)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(ROOT / "static" / name, tmp_path / "static" / name)
    for name in ("requirements.txt", "requirements-dev.txt"):
        (tmp_path / name).write_text("# none\n")
    return tmp_path


def set_up(checkout: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-P", str(checkout / SCRIPT), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def sentence(result: "subprocess.CompletedProcess[str]") -> str:
    assert result.returncode == 1
    lines = [line for line in result.stderr.splitlines() if line]
    assert len(lines) == 1, result.stderr
    return lines[0]


def test_failing_downloads_end_in_one_sentence_and_are_tried_again(checkout: Path) -> None:
    (checkout / "requirements.txt").write_text("no-such-package==1.0\n")
    for _ in range(2):
        said = sentence(set_up(checkout, **OFFLINE))
        assert said.startswith("Could not install the Python packages: No matching distribution found")

    (checkout / "requirements.txt").write_text("# none\n")
    said = sentence(set_up(checkout, **OFFLINE))
    assert said.startswith("Could not install the front-end packages: code ECONNREFUSED")
    assert not (checkout / "static" / "vendor").exists()


def test_python_packages_are_installed_once_until_their_files_change(checkout: Path) -> None:
    first = set_up(checkout, **OFFLINE)
    assert "Installing Python packages" in first.stdout
    assert "Installing Python packages" not in set_up(checkout, **OFFLINE).stdout
    assert "Installing Python packages" in set_up(checkout, "--dev", **OFFLINE).stdout
    assert "Installing Python packages" not in set_up(checkout, **OFFLINE).stdout
    (checkout / "requirements.txt").write_text("# changed\n")
    assert "Installing Python packages" in set_up(checkout, **OFFLINE).stdout


def test_a_folder_that_cannot_be_written_is_named(checkout: Path) -> None:
    (checkout / ".venv").write_text("in the way")
    assert sentence(set_up(checkout, **OFFLINE)).startswith(f"Set-up could not write {checkout}/.venv")


def test_the_lock_file_names_no_registry() -> None:
    assert "resolved" not in (ROOT / "static" / "package-lock.json").read_text()


def test_everything_that_pages_use_was_copied_and_nothing_that_only_tests_use() -> None:
    vendor = ROOT / "static" / "vendor"
    for path in ("tabler/tabler.min.css", "tabler/tabler.min.js", "htmx/htmx.min.js", "chart/chart.umd.js"):
        assert (vendor / path).stat().st_size > 10_000, path
    assert {path.name for path in (vendor / "inter").iterdir()} == {
        "inter-latin-wght-normal.woff2",
        "inter-latin-ext-wght-normal.woff2",
    }
    assert (vendor / "icons" / "gift.svg").exists()
    assert not list(vendor.glob("**/axe*.js"))
