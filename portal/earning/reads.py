"""Reads of earning rules: those that hold, and what each has been."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text

from portal.earning.evaluation import Rule
from portal.earning.models import EarningRuleVersion
from portal.earning.problems import RuleNotFound
from portal.earning.rules import RuleKind, RuleTerms
from portal.platform.db.cursors import decode, encode
from portal.platform.db.reads import read_all, read_one
from portal.platform.documents import Document

_COLUMNS = "v.slug, v.version, v.terms, v.created_at, v.created_by"
_IN_FORCE = """
    loyalty_earning_rules r JOIN loyalty_earning_rule_versions v ON v.slug = r.slug AND v.version = r.version
"""
_CURRENT = text(f"""
    SELECT {_COLUMNS} FROM {_IN_FORCE}
    WHERE r.slug > :after ORDER BY r.slug LIMIT :limit
""")
_ONE = text(f"SELECT {_COLUMNS} FROM {_IN_FORCE} WHERE r.slug = :slug")
_ACTIVE = text(f"""
    SELECT {_COLUMNS} FROM {_IN_FORCE}
    WHERE coalesce((v.terms -> 'active')::boolean, true)
      AND (CAST(:kind AS text) IS NULL OR v.terms ->> 'kind' = :kind) ORDER BY r.slug
""")
_VERSIONS = text(f"""
    SELECT {_COLUMNS} FROM loyalty_earning_rule_versions v
    WHERE v.slug = :slug AND v.version < :before ORDER BY v.version DESC LIMIT :limit
""")
_NAMED = text(f"""
    SELECT {_COLUMNS} FROM loyalty_earning_rule_versions v
    JOIN unnest(CAST(:slugs AS text[]), CAST(:versions AS int[])) AS w(slug, version)
      ON w.slug = v.slug AND w.version = v.version
    ORDER BY v.slug
""")
_NEWEST = 2**31 - 1


class VersionRow(NamedTuple):
    """A version of a rule."""

    slug: str
    version: int
    terms: Document
    created_at: datetime
    created_by: str


def list_rules(*, limit: int, cursor: str | None) -> Document:
    """A page of the rules with the version of each that holds, by slug: `{rules, nextCursor}`.

    :raises portal.platform.db.cursors.InvalidCursor: if the cursor is not of this list.
    """
    rows = read_all(_CURRENT, {"after": decode(cursor, "earning_rules") or "", "limit": limit + 1}, VersionRow)
    more = encode(rows[limit - 1].slug, "earning_rules") if len(rows) > limit else None
    return {"rules": [serialize_version(row) for row in rows[:limit]], "nextCursor": more}


def get_rule(slug: str) -> VersionRow:
    """The version of a rule that holds.

    :raises RuleNotFound: if there is no such rule.
    """
    row = find_rule(slug)
    if row is None:
        raise RuleNotFound
    return row


def find_rule(slug: str) -> VersionRow | None:
    """The version of a rule that holds, if there is such a rule."""
    return read_one(_ONE, {"slug": slug}, VersionRow)


def list_versions(slug: str, *, limit: int, cursor: str | None) -> Document:
    """A page of all versions of a rule, newest first: `{versions, nextCursor}`.

    :raises RuleNotFound: if there is no such rule.
    :raises portal.platform.db.cursors.InvalidCursor: if the cursor is not of this list.
    """
    scope = ("earning_rule_versions", slug)
    values = {"slug": slug, "before": decode(cursor, *scope) or _NEWEST, "limit": limit + 1}
    rows = read_all(_VERSIONS, values, VersionRow)
    if not rows and cursor is None:
        raise RuleNotFound
    more = encode(rows[limit - 1].version, *scope) if len(rows) > limit else None
    return {"versions": [serialize_version(row) for row in rows[:limit]], "nextCursor": more}


def get_active_rules(kind: RuleKind | None = None) -> list[Rule]:
    """The rules that are active (of this kind, if one is given), by slug, as `evaluate` takes them: one statement."""
    rows = read_all(_ACTIVE, {"kind": kind}, VersionRow)
    return [Rule(row.slug, row.version, RuleTerms.model_validate(row.terms)) for row in rows]


def get_versions(named: Sequence[tuple[str, int]]) -> list[Rule]:
    """These versions of rules, by slug, as `evaluate` takes them: one statement."""
    values = {"slugs": [slug for slug, _ in named], "versions": [version for _, version in named]}
    rows = read_all(_NAMED, values, VersionRow)
    return [Rule(row.slug, row.version, RuleTerms.model_validate(row.terms)) for row in rows]


def serialize_version(row: VersionRow | EarningRuleVersion) -> Document:
    """A version of a rule as the API shows it: its terms, with whose they are and since when."""
    return {
        **row.terms,
        "slug": row.slug,
        "version": row.version,
        "createdAt": row.created_at,
        "createdBy": row.created_by,
    }
