"""The README tells the truth: every setting with its default, every make target."""

import re
from pathlib import Path

from portal.config import Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def shown(default: object) -> str:
    """A default as the table shows it."""
    if isinstance(default, bool):
        return f"`{int(default)}`"
    return f"`{default}`" if str(default) else "empty"


def test_every_setting_is_documented_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| (.+?) \|", README, re.MULTILINE))
    expected = {name.upper(): shown(field.default) for name, field in Settings.model_fields.items()}
    assert rows == expected


def test_every_setting_says_what_it_means() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_every_make_target_it_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`?make ([a-z-]+)", README)) <= targets
