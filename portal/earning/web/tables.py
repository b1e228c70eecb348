"""Earning rules as the console lists them, and the versions of each."""

from typing import Any

from portal.earning.descriptions import KINDS, Style, describe_changes, describe_scope
from portal.earning.rules import RuleKind, RuleTerms
from portal.earning.sentences import say_what_it_brings
from portal.platform.console.tables import Column, Filter, Table
from portal.platform.settings import current_settings

STATES = ("active", "to come", "over", "paused")
_STATE = """
    CASE WHEN v.terms ->> 'active' = 'false' THEN 'paused'
         WHEN CAST(v.terms ->> 'until' AS timestamptz) <= CAST(:now AS timestamptz) THEN 'over'
         WHEN CAST(v.terms ->> 'from' AS timestamptz) > CAST(:now AS timestamptz) THEN 'to come' ELSE 'active' END
"""


def style() -> Style:
    """How this programme writes times and money."""
    settings = current_settings()
    return Style(settings.programme_timezone, settings.programme_currency, settings.programme_locale)


def _brings(row: Any) -> str:
    shown = style()
    said = say_what_it_brings(RuleTerms.model_validate(row.brings), shown.currency, shown.locale)
    return said[0].upper() + said[1:]


def _scope(row: Any) -> str:
    said = describe_scope(RuleTerms.model_validate(row.scope), style())
    return said[0].upper() + said[1:]


def _changes(row: Any) -> str:
    before, after = row.changes
    return describe_changes(before, after, style())


RULES = Table(
    name="earning-rules",
    source="loyalty_earning_rules r JOIN loyalty_earning_rule_versions v ON v.slug = r.slug AND v.version = r.version",
    key="r.slug",
    key_type="text",
    order="slug",
    columns=(
        Column("name", "Rule", "v.terms ->> 'name'"),
        Column("slug", "Id", "r.slug", "code", sorts="text"),
        Column("kind", "Kind", "v.terms ->> 'kind'", made=lambda row: KINDS[RuleKind(row.kind)]),
        Column("brings", "Brings", "v.terms", made=_brings),
        Column("scope", "When and for whom", "v.terms", made=_scope),
        Column("state", "State", _STATE, "status"),
        Column("version", "Version", "r.version", "number"),
        Column("updated_at", "Changed", "r.updated_at", "moment", sorts="timestamptz"),
        Column("created_by", "By", "v.created_by", "code"),
    ),
    filters=(
        Filter("state", "State", f"({_STATE}) = :state", tuple((name, name.capitalize()) for name in STATES)),
        Filter("kind", "Kind", "v.terms ->> 'kind' = :kind", tuple((kind.value, KINDS[kind]) for kind in RuleKind)),
        Filter("find", "Name or id", "r.slug = lower(:find) OR strpos(lower(v.terms ->> 'name'), lower(:find)) > 0"),
    ),
)

VERSIONS = Table(
    name="earning-rule-versions",
    source="loyalty_earning_rule_versions v "
    "LEFT JOIN loyalty_earning_rule_versions p ON p.slug = v.slug AND p.version = v.version - 1",
    where="v.slug = :slug",
    key="v.version",
    key_type="integer",
    order="-version",
    columns=(
        Column("version", "Version", "v.version", "number", sorts="integer"),
        Column("changes", "What changed", "jsonb_build_array(p.terms, v.terms)", "sentence", made=_changes),
        Column("created_at", "When", "v.created_at", "moment"),
        Column("created_by", "Who", "v.created_by", "code"),
    ),
)
