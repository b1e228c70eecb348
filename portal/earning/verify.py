"""Earning's part of `ledger verify`: what limits go by, and what is granted once."""

from portal.ledger import Check, by_sql

_TOTALS = """
    SELECT NULL::uuid, t.points, coalesce(g.total, 0) FROM loyalty_earning_totals t
    LEFT JOIN (SELECT slug, sum(granted - reversed) AS total FROM loyalty_earning_grants GROUP BY 1) g USING (slug)
    WHERE t.points <> coalesce(g.total, 0)
"""
# Whether an order or an occasion is noted for having what is granted once, and whether it has it. A birthday is noted
# even if it brought nothing.
_ONCE = """
    SELECT coalesce(e.member_id, g.member_id), (e.slug IS NOT NULL)::int, (g.slug IS NOT NULL)::int
    FROM loyalty_earning_entitlements e
    FULL JOIN (
        SELECT g.member_id, g.slug, g.source, g.external_id FROM loyalty_earning_grants g
        JOIN loyalty_earning_rule_versions v USING (slug, version)
        WHERE v.terms ->> 'kind' IN ('first_order', 'sign_up', 'birthday') AND g.granted > g.reversed) g
      ON g.member_id = e.member_id AND g.slug = e.slug AND g.source = e.source AND g.external_id = e.external_id
    WHERE e.slug IS NULL OR (g.slug IS NULL AND e.source <> 'birthday')
"""

CHECKS: dict[str, Check] = {
    "earning_totals": by_sql(_TOTALS),
    "earning_once": by_sql(_ONCE),
}
