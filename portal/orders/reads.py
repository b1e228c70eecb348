"""Reads of orders: one statement for one order or a page of them."""

from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any, NamedTuple

from sqlalchemy import text

from portal.accounts import UserNotFound
from portal.earning import Rule, RuleTerms, round_half_up, tell_grant
from portal.orders.booking import slug_of
from portal.orders.judging.remaining import compute_remaining
from portal.orders.problems import OrderNotFound
from portal.orders.sentences import tell_reason, tell_warning
from portal.orders.state import load_state
from portal.platform.db.cursors import decode, encode
from portal.platform.db.reads import read_all, read_one
from portal.platform.documents import Document
from portal.platform.formatting import reader_locale
from portal.platform.settings import current_settings

_COLUMNS = """
    o.reference, m.user_id, o.status, o.currency, o.placed_at, o.stated_at, o.total, o.basis, o.granted, o.reversed,
    o.reasons, o.warnings, o.content, o.refunds, o.restores,
    coalesce((SELECT json_agg(json_build_array(g.slug, g.version, g.granted - g.reversed, g.facts, v.terms)
                              ORDER BY g.slug)
              FROM loyalty_earning_grants g
              JOIN loyalty_earning_rule_versions v ON v.slug = g.slug AND v.version = g.version
              WHERE g.member_id = o.member_id AND g.source = 'order' AND g.external_id = o.reference
                AND g.episode = o.episode AND g.granted > g.reversed), '[]') AS grants,
    coalesce((SELECT json_agg(json_build_array(p.effect, p.points, p.activates_at) ORDER BY p.activates_at)
              FROM loyalty_pending_credits p
              WHERE p.member_id = o.member_id AND p.source = 'order' AND p.external_id = o.reference
                AND p.activated_at IS NULL AND p.points > 0), '[]') AS pending,
    coalesce((SELECT sum(w.points - w.recovered - w.written_off) FROM loyalty_ledger_entries e
              JOIN loyalty_owed w ON w.member_id = e.member_id AND w.entry_id = e.id
              WHERE e.member_id = o.member_id AND e.source = 'order' AND e.external_id = o.reference), 0)::bigint
        AS owed
"""
_FROM = "loyalty_orders o LEFT JOIN loyalty_members m ON m.id = o.member_id"
_ONE = text(f"SELECT {_COLUMNS} FROM {_FROM} WHERE o.reference = :reference")
_PAGE = text(f"""
    SELECT {_COLUMNS} FROM {_FROM}
    WHERE (o.placed_at, o.reference) < (CAST(:before AS timestamptz), :reference)
    ORDER BY o.placed_at DESC, o.reference DESC LIMIT :limit
""")
_PAGE_OF_MEMBER = text(f"""
    SELECT {_COLUMNS} FROM {_FROM}
    WHERE o.member_id = (SELECT id FROM loyalty_members WHERE user_id = :user_id)
      AND (o.placed_at, o.reference) < (CAST(:before AS timestamptz), :reference)
    ORDER BY o.placed_at DESC, o.reference DESC LIMIT :limit
""")
_IS_ORDER = text("SELECT true AS known FROM loyalty_orders WHERE reference = :reference")
_KNOWN = text("SELECT id FROM users WHERE id = :user_id")
_WAYS = text("""
    SELECT v.slug, v.version, v.terms, EXISTS (
        SELECT FROM loyalty_members m JOIN loyalty_orders o ON o.member_id = m.id AND o.stands
        WHERE m.user_id = :user_id) AS ordered
    FROM loyalty_earning_rules r JOIN loyalty_earning_rule_versions v ON v.slug = r.slug AND v.version = r.version
    WHERE coalesce((v.terms -> 'active')::boolean, true) ORDER BY r.slug
""")
_LAST = ("infinity", "")


class OrderRow(NamedTuple):
    """An order with its grants `[slug, version, points, facts, terms]` and what is pending `[effect, points, when]`."""

    reference: str
    user_id: str | None
    status: str
    currency: str
    placed_at: datetime
    stated_at: datetime | None
    total: int
    basis: int | None
    granted: int
    reversed: int
    reasons: Sequence[str]
    warnings: Sequence[Document]
    content: Document
    refunds: Sequence[Document]
    restores: dict[str, int]
    grants: Sequence[Any]
    pending: Sequence[Any]
    owed: int


def is_order(reference: str) -> bool:
    """Whether there is an order of exactly this reference."""
    return read_one(_IS_ORDER, {"reference": reference}) is not None


def get_order(reference: str, *, only_user_id: str | None = None) -> Document:
    """One order as the API shows it, as it is within the current transaction.

    :raises OrderNotFound: if there is none, or it is not of the user `only_user_id`.
    """
    row = read_one(_ONE, {"reference": reference}, OrderRow)
    if row is None or (only_user_id is not None and row.user_id != only_user_id):
        raise OrderNotFound
    return serialize_order(row)


def list_orders(user_id: str | None, *, limit: int, cursor: str | None) -> Document:
    """A page of all orders, or of a user's, newest first: `{orders, nextCursor}`.

    :raises UserNotFound: if there is no such user.
    :raises portal.platform.db.cursors.InvalidCursor: if the cursor was not issued for this list.
    """
    scope = ("orders", user_id)
    before, reference = decode(cursor, *scope) or _LAST
    values = {"before": before, "reference": reference, "limit": limit + 1, "user_id": user_id}
    rows = read_all(_PAGE if user_id is None else _PAGE_OF_MEMBER, values, OrderRow)
    if not rows and user_id is not None and not read_all(_KNOWN, {"user_id": user_id}):
        raise UserNotFound
    last = rows[limit - 1] if len(rows) > limit else None
    more = None if last is None else encode([last.placed_at.isoformat(), last.reference], *scope)
    return {"orders": [serialize_order(row) for row in rows[:limit]], "nextCursor": more}


def get_rules_for(user_id: str) -> tuple[list[Rule], bool]:
    """The active rules, and whether this user has an order that earns, or earned and was not given back whole."""
    rows = read_all(_WAYS, {"user_id": user_id})
    rules = [Rule(row.slug, row.version, RuleTerms.model_validate(row.terms)) for row in rows]
    return rules, any(row.ordered for row in rows)


def serialize_order(row: OrderRow) -> Document:
    """An order as the API shows it."""
    pending = sum(each[1] for each in row.pending)
    return {
        "orderReference": row.reference,
        "userId": row.user_id,
        "status": row.status,
        "currency": row.currency,
        "placedAt": row.placed_at,
        "updatedAt": row.stated_at,
        "total": row.total,
        "basis": row.basis,
        "points": {
            "granted": row.granted,
            "pending": pending,
            "active": row.granted - row.reversed - pending,
            "reversed": row.reversed,
            "owed": row.owed,
            "restored": sum(row.restores.values()),
        },
        "grants": _grants(row),
        "reasons": [tell_reason(code) for code in row.reasons],
        "refunds": _refunds(row),
        "warnings": [tell_warning(warning) for warning in row.warnings],
    }


def serialize_grant(
    slug: str, version: int, points: int, facts: Document, terms: RuleTerms, pending_until: str | datetime | None
) -> Document:
    """A grant as the API shows it."""
    currency, locale = current_settings().programme_currency, reader_locale()
    return {
        "rule": slug,
        "ruleVersion": version,
        "kind": terms.kind,
        "basis": round_half_up(Fraction(facts.get("basis", "0"))),
        "points": points,
        "pendingUntil": pending_until,
        "sentence": tell_grant(terms, {**facts, "points": points}, currency, locale),
    }


def _grants(row: OrderRow) -> list[Document]:
    until = {slug_of(str(effect)): moment for effect, _, moment in reversed(row.pending)}
    return [
        serialize_grant(slug, version, points, facts, RuleTerms.model_validate(terms), until.get(slug))
        for slug, version, points, facts, terms in row.grants
    ]


def _refunds(row: OrderRow) -> list[Document]:
    """The refunds with what each could give back, in the order in which they were told."""
    if not row.refunds:
        return []
    order, refunds = load_state(row.content, row.refunds)
    found = compute_remaining(order, refunds, row.placed_at)
    return [
        {
            "refundId": refund.refund_id,
            "refundedAt": refund.dated,
            "applied": each.applied,
            "unapplied": each.unapplied,
            "points": refund.points or 0,
        }
        for refund, each in zip(refunds, found.refunds, strict=True)
    ]
