"""Why an order's ledger entry is what it is, from the state of the order that it was posted by."""

from fractions import Fraction
from typing import NamedTuple

from sqlalchemy import text

from portal.earning import RuleTerms, in_decimals, round_half_up, tell_grant
from portal.ledger import ExplainedRow, Explanation
from portal.platform.db.reads import read_one
from portal.platform.documents import Document
from portal.platform.formatting import grouped, reader_locale
from portal.platform.settings import current_settings

_STATE = text("""
    SELECT s.grants -> CAST(:rule AS text) AS facts, v.terms FROM loyalty_order_states s
    JOIN loyalty_earning_rule_versions v ON v.slug = :rule AND v.version = :version
    WHERE s.reference = :reference AND s.at <= :at ORDER BY s.change DESC LIMIT 1
""")


class _State(NamedTuple):
    """What the rule should have granted in the order's state then (None: nothing), and its terms."""

    facts: Document | None
    terms: Document


def explain_entry(row: ExplainedRow) -> Explanation | None:
    """The explanation of an entry of source `order`; None if it names no rule."""
    rule, version = row.metadata.get("rule"), row.metadata.get("rule_version")
    values = {"reference": row.external_id, "rule": rule, "version": version, "at": row.occurred_at}
    state = read_one(_STATE, values, _State) if rule else None
    if state is None:
        return None
    terms, facts = RuleTerms.model_validate(state.terms), state.facts
    return Explanation(
        _sentence(row, terms, facts),
        {"slug": rule, "version": version, "name": terms.name},
        _basis(facts) if facts else None,
        next(map(in_decimals, facts["multipliers"]), None) if facts else None,
        facts.get("cap") if facts else None,
        row.external_id,
    )


def _sentence(row: ExplainedRow, terms: RuleTerms, facts: Document | None) -> str:
    points = f"{grouped(abs(row.amount))} point{'' if abs(row.amount) == 1 else 's'}"
    now = "It earns nothing any more." if facts is None else f"It earns {_granted(terms, facts)}"
    if row.entry_type == "reversal":
        return f"{points} taken back, because order {row.external_id} was changed or refunded. {now}"
    if facts is not None and facts["points"] == row.amount:
        return _granted(terms, facts)
    return f"{points} more, because order {row.external_id} was changed. {now}"


def _granted(terms: RuleTerms, facts: Document) -> str:
    return tell_grant(terms, facts, current_settings().programme_currency, reader_locale())


def _basis(facts: Document) -> Document:
    return {
        "amount": round_half_up(Fraction(facts["basis"])),
        "currency": current_settings().programme_currency,
        "excluded": [
            {"what": what, "amount": round_half_up(Fraction(amount))} for what, amount in facts["excluded"].items()
        ],
    }
