"""`make bench` says what it lacks before it sets anything up."""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_a_missing_program_is_named_before_the_set_up_begins(tmp_path: Path) -> None:
    make = shutil.which("make") or ""
    (tmp_path / "id").symlink_to(shutil.which("id") or "")
    done = subprocess.run(
        [make, "bench"], cwd=ROOT, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("The measurements need wrk: install that (as root: apt-get install wrk).")
