"""The audit log: every write of an operator, searched and explained."""

from typing import Any

from flask import Blueprint, Response
from sqlalchemy import text

from portal.accounts.guards import Access, guarded
from portal.core.consoles import show, show_table
from portal.core.formatting import grouped
from portal.core.problems import NotFound
from portal.core.reads import read_one
from portal.core.tables import Column, Filter, Table, day_filters

bp = Blueprint("audit_console", __name__, url_prefix="/admin/audit")

AUDIT = Table(
    name="audit",
    source="audit_log a",
    key="a.id",
    key_type="bigint",
    order="-number",
    columns=(
        Column("number", "No.", "a.id", "code", sorts="bigint"),
        Column("at", "When", "a.at", "moment"),
        Column("actor", "Who", "a.actor", "code"),
        Column("action", "What", "a.action", "code"),
        Column("object_type", "On", "a.object_type"),
        Column("object_id", "Id", "a.object_id", "code"),
        Column("reason", "Why", "a.reason"),
        Column("before", "Before", "CAST(a.before AS text)", shown=False),
        Column("after", "After", "CAST(a.after AS text)", shown=False),
        Column("request_id", "Request", "a.request_id", "code", shown=False),
    ),
    filters=(
        Filter("actor", "Who", "a.actor = :actor"),
        Filter("action", "What", "a.action LIKE :action || '%'"),
        Filter("object_type", "On", "a.object_type = :object_type"),
        Filter("object_id", "Id", "a.object_id = :object_id"),
        *day_filters("a.at"),
        Filter("reason", "Why", "a.reason ILIKE '%' || :reason || '%'"),
    ),
)
_ONE = text("""
    SELECT id, at, actor, action, object_type, object_id, reason, before, after, request_id
    FROM audit_log WHERE id = :id
""")


@bp.get("")
@guarded(Access.CONSOLE)
def entries() -> Response:
    """Who did what, newest first."""
    return show_table(AUDIT, "console/audit/entries.html")


@bp.get("/<int:number>")
@guarded(Access.CONSOLE)
def entry(number: int) -> Response:
    """One write: what it changed."""
    found = read_one(_ONE, {"id": number}) if number < 2**63 else None
    if found is None:
        raise NotFound
    return show("console/audit/entry.html", entry=found, changes=list_changes(found.before or {}, found.after or {}))


def list_changes(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, Any, Any, bool]]:
    """Field by field: its name, what it was, what it is, and whether that differs."""
    names = [*before, *(name for name in after if name not in before)]
    return [
        (name, _readable(before.get(name)), _readable(after.get(name)), before.get(name) != after.get(name))
        for name in names
    ]


def _readable(value: Any) -> Any:
    """A value as people read it: numbers grouped, lists and objects in words, also inside each other."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, int):
        return grouped(value)
    if isinstance(value, list):
        return "; ".join(str(_readable(one)) for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_readable(one)}" for name, one in value.items())
    return value
