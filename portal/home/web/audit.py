"""The audit log: every write of an operator, searched and explained."""

from functools import partial

from flask import Blueprint, Response
from sqlalchemy import text

from portal.accounts import list_named
from portal.accounts.web import Access, guarded
from portal.platform import ids
from portal.platform.console.acts import show, show_table
from portal.platform.console.tables import Choices, Column, Filter, Table, day_filters
from portal.platform.db.reads import read_all, read_one
from portal.platform.documents import Document
from portal.platform.formatting import grouped
from portal.platform.problems import NotFound

bp = Blueprint("audit_console", __name__, url_prefix="/admin/audit")

_PERSON = "Name, address or id"
# A skip scan: each value is looked up in the index after the one before, so that a long log is not read for a few
# values.
_DISTINCT = {
    column: text(f"""
        WITH RECURSIVE found AS (
            (SELECT {column} AS word FROM audit_log ORDER BY {column} LIMIT 1)
            UNION ALL
            SELECT (SELECT {column} FROM audit_log WHERE {column} > found.word ORDER BY {column} LIMIT 1)
            FROM found WHERE found.word IS NOT NULL)
        SELECT word FROM found WHERE word IS NOT NULL
    """)
    for column in ("action", "object_type")
}
_MEMBERSHIPS = text("SELECT id FROM loyalty_members WHERE user_id = ANY(CAST(:user_ids AS text[]))")


def _distinct(column: str) -> Choices:
    """The distinct values of a column of the log, as choices."""
    words = [row.word for row in read_all(_DISTINCT[column], {})]
    return tuple((word, word.replace("_", " ").replace(".", ": ").capitalize()) for word in words)


def _actors(wanted: str) -> dict[str, object]:
    """The actors that a search text may mean: an actor as logged, a token by its name, or users found by name."""
    named = [] if ":" in wanted else list_named(wanted)
    return {"actors": [wanted, f"token:{wanted}", *(f"user:{user_id}" for user_id in named)]}


def _objects(wanted: str) -> dict[str, object]:
    """The objects that a search text may mean: an id as logged, or accounts and memberships of users found by name."""
    named = list_named(wanted)
    memberships = read_all(_MEMBERSHIPS, {"user_ids": named})
    return {"objects": [wanted, *named, *(ids.encode(row.id) for row in memberships)]}


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
        Filter("actor", "Who", "a.actor = ANY(CAST(:actors AS text[]))", values=_actors, hint=_PERSON),
        Filter("action", "What", "a.action LIKE :action || '%'", options=partial(_distinct, "action")),
        Filter("object_type", "On", "a.object_type = :object_type", options=partial(_distinct, "object_type")),
        Filter(
            "object_id", "Whom or which", "a.object_id = ANY(CAST(:objects AS text[]))", values=_objects, hint=_PERSON
        ),
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


def list_changes(before: Document, after: Document) -> list[tuple[str, object, object, bool]]:
    """For each field: its name, its value before and after, and whether they differ."""
    names = [*before, *(name for name in after if name not in before)]
    return [
        (name, _readable(before.get(name)), _readable(after.get(name)), before.get(name) != after.get(name))
        for name in names
    ]


def _readable(value: object) -> object:
    """A value in readable form: numbers grouped, lists and objects as text, even when nested."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, int):
        return grouped(value)
    if isinstance(value, list):
        return "; ".join(str(_readable(one)) for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_readable(one)}" for name, one in value.items())
    return value
