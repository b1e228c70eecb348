"""The import contract itself: no module can stay outside it, and each kind of wrong import breaks it."""

import tomllib
from pathlib import Path

import pytest
from grimp import ImportGraph

from tests.architecture.contracts import PortalLayers, may_import, place_of

ROOT = Path(__file__).parents[2]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
CONTRACT = SETTINGS["contracts"][0]
DOMAINS: list[str] = CONTRACT["domains"]


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def test_every_module_has_a_place() -> None:
    modules = [module_of(path) for path in (ROOT / "portal").rglob("*.py")]
    assert [module for module in modules if place_of(module, DOMAINS) is None] == []
    assert len(modules) > 300


def test_every_ranked_domain_is_there() -> None:
    assert [domain for domain in DOMAINS if not (ROOT / "portal" / domain / "__init__.py").exists()] == []


def test_nothing_is_excused() -> None:
    assert [contract for contract in SETTINGS["contracts"] if contract.get("ignore_imports")] == []
    assert len(SETTINGS["contracts"]) == 1


def broken(*imports: tuple[str, str]) -> list[str]:
    graph = ImportGraph()
    for importer, imported in imports:
        for module in (importer, imported):
            graph.add_module(module, is_squashed=module.partition(".")[0] != "portal")
        graph.add_import(importer=importer, imported=imported)
    contract = PortalLayers("layers", SETTINGS, {"domains": DOMAINS})
    problems: list[str] = contract.check(graph, verbose=False).metadata["problems"]
    return problems


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("portal.ledger.posting", "flask"),
        ("portal.ledger", "flask_login"),
        ("portal.ledger.posting", "portal.ledger.web.api"),
        ("portal.ledger.posting", "portal.accounts.users"),
        ("portal.ledger.web.api", "portal.accounts.web.guards"),
        ("portal.ledger.web.api", "portal.accounts.users"),
        ("portal.ledger.posting", "portal.accounts.web"),
        ("portal.ledger.posting", "portal.hub"),
        ("portal.ledger.web.api", "portal.hub.web"),
        ("portal.ledger.posting", "portal.platform.web.responses"),
        ("portal.ledger", "portal.platform.console.tables"),
        ("portal.platform.ids", "portal.accounts"),
        ("portal.platform.web.application", "portal.supervisor.run"),
        ("portal.jobs.web.cli", "portal.supervisor.run"),
        ("portal.supervisor.run", "portal.platform.ids"),
        ("portal.config", "portal.accounts"),
        ("portal.hub.web.pages", "portal.app"),
    ],
)
def test_a_wrong_import_breaks_the_contract(importer: str, imported: str) -> None:
    assert broken((importer, imported)) == [f"{importer} may not import {imported}"]


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("portal.ledger.web.api", "flask"),
        ("portal.platform.web.application", "flask"),
        ("portal.ledger.web.api", "portal.ledger.posting"),
        ("portal.ledger.web", "portal.platform.web.responses"),
        ("portal.ledger.web.tables", "portal.platform.console.tables"),
        ("portal.ledger.web.api", "portal.accounts.web"),
        ("portal.ledger.posting", "portal.accounts"),
        ("portal.ledger.posting", "portal.platform.ids"),
        ("portal.app", "portal.hub.web"),
        ("portal.config", "portal.platform.misspelt"),
        ("portal.supervisor.run", "portal.config"),
    ],
)
def test_a_right_import_keeps_it(importer: str, imported: str) -> None:
    assert broken((importer, imported)) == []


@pytest.mark.parametrize("module", ["portal.attic.helpers", "portal.utils", "portal.console.members"])
def test_a_module_outside_every_layer_breaks_it(module: str) -> None:
    assert broken((module, "portal.platform.ids")) == [f"{module} stands in no layer"]


def test_ranks_are_a_strict_order() -> None:
    faces = [place_of(f"portal.{domain}", DOMAINS) for domain in DOMAINS]
    for low, face in enumerate(faces):
        for high in range(low, len(DOMAINS)):
            inside = place_of(f"portal.{DOMAINS[high]}.reads", DOMAINS)
            assert face is not None
            assert inside is not None
            assert may_import(inside, face, DOMAINS)
            assert may_import(face, inside, DOMAINS) is (low == high)
