"""A house in which a stranger finds the way: small folders, small files, and a reason beside every exception."""

import ast
import re
import statistics
import subprocess
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "portal").rglob("*.py"))
TRACKED = ("portal", "tests", "migrations", "wsgi.py")
EXCUSE = re.compile(r"#\s*(?:noqa|type: ignore)\b")
# Objects of names and values, such as JSON, and functions.
JSON = re.compile(r"(?:dict|Mapping|MutableMapping|Callable)\[.*Any\]")
# As in `noqa: S704 - our own text`.
WITH_REASON = re.compile(r"#\s*(?:noqa: [A-Z0-9, ]+|type: ignore\[[a-z, -]+\])(?:\s+[-–#]+)\s*\S.*\S")


def sources() -> list[Path]:
    found = subprocess.run(["git", "ls-files", *TRACKED], cwd=ROOT, capture_output=True, text=True, check=False)
    names = found.stdout.split() if found.returncode == 0 else []
    listed = [ROOT / name for name in names if name.endswith(".py")]
    return [path for path in listed if path.exists()] or [p for part in TRACKED for p in (ROOT / part).rglob("*.py")]


def lines_with(pattern: re.Pattern[str]) -> list[tuple[str, str]]:
    here = Path(__file__)
    return [
        (f"{path.relative_to(ROOT)}:{number}", line)
        for path in sources()
        if path != here
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if pattern.search(line)
    ]


def functions() -> list[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    return [
        (f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", node)
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def p90(lengths: list[int]) -> float:
    return statistics.quantiles(lengths, n=10)[-1]


def test_no_folder_has_more_than_sixteen_modules() -> None:
    sizes = Counter(path.parent for path in MODULES if path.name != "__init__.py")
    assert {str(folder.relative_to(ROOT)): size for folder, size in sizes.items() if size > 16} == {}


def test_few_modules_are_crumbs() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in MODULES if path.name != "__init__.py"}
    crumbs = sorted(str(path.relative_to(ROOT)) for path, length in lengths.items() if length < 25)
    assert len(crumbs) <= 10, crumbs


def test_files_and_functions_are_short() -> None:
    files = [len(path.read_text().splitlines()) for path in MODULES]
    bodies = [(node.end_lineno or node.lineno) - node.lineno + 1 for _, node in functions()]
    assert p90(files) <= 200
    assert p90(bodies) <= 20


def test_the_formatter_is_never_told_to_look_away() -> None:
    assert lines_with(re.compile(r"fmt: (?:skip|off)")) == []


@pytest.mark.parametrize("line", ["x  # noqa: S704", "x  # type: ignore", "x  # noqa", "x  # type: ignore[arg-type]"])
def test_an_excuse_without_a_reason_is_found(line: str) -> None:
    assert EXCUSE.search(line)
    assert not WITH_REASON.search(line)


@pytest.mark.parametrize("line", ["x  # noqa: S704 - our own text", "x  # type: ignore[arg-type]  # Flask says so"])
def test_one_with_a_reason_is_let_through(line: str) -> None:
    assert WITH_REASON.search(line)


def test_every_excuse_has_its_reason() -> None:
    assert [where for where, line in lines_with(EXCUSE) if not WITH_REASON.search(line)] == []


def test_hardly_a_function_returns_just_anything() -> None:
    """A JSON object (`dict[str, Any]`) has a shape that the API's document and its tests hold; a row has names."""
    returned = {where: ast.unparse(node.returns) for where, node in functions() if node.returns}
    loose = [where for where, says in returned.items() if re.search(r"\bAny\b", re.sub(JSON, "", says))]
    assert len(loose) <= 20, loose


# The balance and tier that stand in the membership's row are written by who decides them.
SHARED = {("ledger", "loyalty_members"), ("tiers", "loyalty_members")}
TABLE = re.compile(r'^class (\w+)\(Base\):.*?__tablename__ = "(\w+)"', re.MULTILINE | re.DOTALL)
WRITE = re.compile(r"\b(?:INSERT INTO|UPDATE|DELETE FROM|insert|update|delete)[ (]+(\w+)")


def domain_of(path: Path) -> str:
    return path.relative_to(ROOT / "portal").parts[0]


def written_elsewhere(sources: dict[str, str], owners: dict[str, tuple[str, str]]) -> set[tuple[str, str]]:
    """Domains, each with a table that is another's and that they write; `owners` has them by table and by model."""
    found = {(domain, name) for domain, source in sources.items() for name in WRITE.findall(source) if name in owners}
    return {(domain, owners[name][1]) for domain, name in found if owners[name][0] != domain}


def test_nobody_writes_the_tables_of_another_domain() -> None:
    owners: dict[str, tuple[str, str]] = {}
    sources: dict[str, str] = {}
    for path in MODULES:
        source = path.read_text()
        sources[domain_of(path)] = sources.get(domain_of(path), "") + source
        for model, table in TABLE.findall(source):
            owners[model] = owners[table] = (domain_of(path), table)
    assert len(owners) >= 60
    assert written_elsewhere(sources, owners) == SHARED


@pytest.mark.parametrize(
    "line", ["INSERT INTO users (id)", "UPDATE users u SET", "DELETE FROM users", "session.execute(update(User))"]
)
def test_a_write_to_the_table_of_another_domain_is_found(line: str) -> None:
    owners = {"users": ("accounts", "users"), "User": ("accounts", "users")}
    assert written_elsewhere({"imports": line}, owners) == {("imports", "users")}
    assert written_elsewhere({"accounts": line}, owners) == set()
