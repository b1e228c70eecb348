"""The error of a start that fails, and the files that the supervisor reads and writes."""

import json
import os
from pathlib import Path
from typing import Any


class StartFailedError(Exception):
    """A start cannot go on; the message is one sentence for whoever started it."""


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; empty when there is none or a crash cut it short."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Replace a JSON file as a whole, readable by its owner alone."""
    new = path.with_suffix(".new")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(content, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def open_log(path: Path) -> int:
    """A descriptor that appends to a log; one that passed 10 MB is first set aside as `<name>.1`."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > 10_000_000:
        path.replace(path.with_name(path.name + ".1"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
