"""The one import contract: every module of the portal stands in a layer, and looks only where its layer may.

`lint-imports` reads it (see `pyproject.toml`). A module that fits no layer breaks it, so that none can stay outside.
"""

from dataclasses import dataclass
from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output

FLASK = frozenset({"flask", "flask_login", "flask_migrate", "flask_sqlalchemy", "flask_wtf"})
FLASK |= {"apiflask", "click", "htmx_flask", "werkzeug", "wtforms"}
TOP = frozenset({"portal", "portal.app", "portal.config"})


@dataclass(frozen=True, slots=True)
class Place:
    """Where a module stands: its layer and, within a domain, whose it is."""

    layer: str  # app, config, platform, platform_web, supervisor, face (a domain's __init__), inside, web_face or web
    domain: str = ""


def place_of(module: str, domains: list[str]) -> Place | None:
    """The place of a module by its name; None when it fits nowhere."""
    if module in TOP:
        return Place("config" if module == "portal.config" else "app")
    first, *rest = module.split(".")[1:]
    if first in ("platform", "supervisor"):
        return Place("platform_web" if first == "platform" and rest[:1] in (["web"], ["console"]) else first)
    if first not in domains:
        return None
    if not rest:
        return Place("face", first)
    if rest[0] == "web":
        return Place("web" if rest[1:] else "web_face", first)
    return Place("inside", first)


def may_import(importer: Place, imported: Place, domains: list[str]) -> bool:
    """Whether a module of one place may import one of the other."""
    if importer.layer == "app" or imported.layer == "config":
        return True
    if importer.layer == "supervisor":
        return imported.layer == "supervisor"
    if importer.layer in ("platform", "platform_web"):
        return imported.layer in ("platform", "platform_web")
    web = importer.layer in ("web", "web_face")
    if imported.layer in ("platform", "platform_web"):
        return web or imported.layer == "platform"
    if importer.layer == "config":
        return False
    if imported.domain == importer.domain:
        return web or imported.layer in ("inside", "face")
    public = ("face", "web_face") if web else ("face",)
    return imported.layer in public and domains.index(imported.domain) < domains.index(importer.domain)


class PortalLayers(Contract):
    """Domains import lower ranks by what they offer; Flask is for `web`, the platform and the factory alone."""

    domains = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Look at every import of every module."""
        domains: list[str] = list(self.domains)  # type: ignore[call-overload]  # a field reads as what it holds
        modules = sorted(module for module in graph.modules if module == "portal" or module.startswith("portal."))
        places = {module: place_of(module, domains) for module in modules}
        problems = [f"{module} stands in no layer" for module, place in places.items() if place is None]
        for module, place in places.items():
            if place is not None:
                problems += _wrong_imports(graph, module, place, places, domains)
        return ContractCheck(kept=not problems, metadata={"problems": problems, "modules": len(modules)})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print each problem."""
        for problem in check.metadata["problems"]:
            output.print_error(problem)
            output.new_line()


def _wrong_imports(
    graph: ImportGraph, module: str, place: Place, places: dict[str, Any], domains: list[str]
) -> list[str]:
    problems = []
    for imported in sorted(graph.find_modules_directly_imported_by(module)):
        if imported in places:
            other = places[imported]
            wrong = other is not None and not may_import(place, other, domains)
        else:
            wrong = imported.partition(".")[0] in FLASK and place.layer in ("inside", "face", "config", "supervisor")
        if wrong:
            problems.append(f"{module} may not import {imported}")
    return problems
