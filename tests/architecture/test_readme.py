"""The README and the documentation tell the truth: every setting, make target, command, path and link."""

import re
import tomllib
from importlib.util import find_spec
from pathlib import Path

import click
import pytest

from portal.config import Settings
from portal.platform.web.application import Portal
from portal.platform.web.handbook import PAGES

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
DOCS = ROOT / "portal" / "docs"
SETTINGS = (DOCS / "settings.md").read_text()
TEXTS = {path.name: path.read_text() for path in (ROOT / "README.md", *sorted(DOCS.glob("*.md")))}


def shown(default: object) -> str:
    """A default as the table shows it."""
    if isinstance(default, bool):
        return f"`{int(default)}`"
    return f"`{default}`" if str(default) else "empty"


def test_every_setting_is_documented_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| (.+?) \|", SETTINGS, re.MULTILINE))
    expected = {name.upper(): shown(field.default) for name, field in Settings.model_fields.items()}
    assert rows == expected


def test_every_setting_says_what_it_means() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_every_make_target_it_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`?make ([a-z-]+)", README)) <= targets


@pytest.mark.parametrize("name", TEXTS)
def test_every_path_it_names_exists(name: str) -> None:
    named = set(re.findall(r"(?<![\w/.-])(?:portal|tests|templates|static)/[\w./-]*\w", TEXTS[name]))
    named = {path for path in named if "KIND" not in path}
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def test_every_address_of_the_api_it_names_exists(app: Portal) -> None:
    rules = {re.sub("<[^>]+>", "{}", rule.rule) for rule in app.url_map.iter_rules()}
    named = {path for text in TEXTS.values() for path in re.findall(r"/api/v1/[\w/{}.-]*[\w}]", text)}
    assert [path for path in sorted(named) if re.sub("{[^}]+}|[A-Z]{2,}", "{}", path) not in rules] == []
    assert "/api/v1/loyalty/redemptions/{id}/references" in named, "operators are told what adds a missing reference"


def test_every_module_it_runs_exists() -> None:
    modules = {module for text in TEXTS.values() for module in re.findall(r"python -m (tests[\w.]*)", text)}
    assert modules
    assert [module for module in modules if not find_spec(module)] == []


def test_every_command_of_the_application_it_names_exists(app: Portal) -> None:
    named = {words for text in TEXTS.values() for words in re.findall(r"flask --app wsgi ([a-z]+(?: [a-z]+)?)", text)}
    commands = app.cli.commands
    for words in named:
        first, _, second = words.partition(" ")
        command = commands.get(first)
        assert command is not None, words
        if isinstance(command, click.Group):
            assert second in command.commands, words


def test_every_domain_stands_in_the_picture_in_its_order() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    domains: list[str] = project["tool"]["importlinter"]["contracts"][0]["domains"]
    picture = README.partition("## How it is built")[2].split("```")[1]
    lines = re.findall(r"^  (\S.+?)   ", picture, re.MULTILINE)
    assert [name for line in lines for name in line.split()] == domains[::-1]


def test_every_page_of_the_documentation_is_named() -> None:
    assert re.findall(r"\]\(portal/docs/(\w+)\.md\)", README) == list(PAGES)
