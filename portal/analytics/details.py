"""A night's further data for the consoles: expiry forecast, referral funnel, message totals and cohorts."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.analytics.months import add_months, with_every_month
from portal.members import STAFF
from portal.platform.documents import to_json

COHORT_MONTHS = 12
RULE_DAYS = timedelta(days=30)
SECONDS = 600

_FORECAST = text("""
    SELECT to_char(expires_at AT TIME ZONE :zone, 'YYYY-MM') AS month, count(*) AS lots,
           sum(remaining)::bigint AS points, sum(held)::bigint AS held
    FROM loyalty_point_expirations WHERE remaining > 0 GROUP BY 1 ORDER BY 1 NULLS LAST
""")
_FUNNEL = text("""
    SELECT status, count(*) AS invites,
           count(*) FILTER (WHERE attributed_at IS NOT NULL OR status IN ('converted', 'reversed')) AS registered
    FROM loyalty_referral_invites GROUP BY status
""")
_MESSAGES = text("SELECT outcome, sum(messages)::bigint AS messages FROM message_totals GROUP BY outcome")
_SIZES = text(f"""
    SELECT to_char(joined_at AT TIME ZONE :zone, 'YYYY-MM') AS joined, count(*) AS members
    FROM loyalty_members WHERE joined_at >= :first AND id NOT IN ({STAFF}) GROUP BY 1
""")
# Members active in the month, by the month they joined in. Entries that the programme makes by itself do not count.
_ACTIVE = text(f"""
    SELECT to_char(m.joined_at AT TIME ZONE :zone, 'YYYY-MM') AS joined, count(*) AS active,
           count(*) FILTER (WHERE e.earned) AS earned
    FROM (SELECT member_id, bool_or(amount > 0) AS earned FROM loyalty_ledger_entries
          WHERE occurred_at >= :begin AND occurred_at < :end
            AND entry_type NOT IN ('expiration', 'adjustment', 'reversal') GROUP BY member_id) e
    JOIN loyalty_members m ON m.id = e.member_id
    WHERE m.joined_at >= :first AND m.id NOT IN ({STAFF}) GROUP BY 1
""")
# What came and went by each earning rule; entries that no rule has caused are not among them.
_RULES = text("""
    SELECT e.rule, coalesce(v.terms ->> 'name', e.rule) AS name, e.issued, e.taken_back, e.entries
    FROM (SELECT metadata ->> 'rule' AS rule, coalesce(sum(amount) FILTER (WHERE amount > 0), 0)::bigint AS issued,
                 coalesce(-sum(amount) FILTER (WHERE amount < 0), 0)::bigint AS taken_back, count(*) AS entries
          FROM loyalty_ledger_entries
          WHERE occurred_at >= :since AND occurred_at < :moment AND metadata ->> 'rule' IS NOT NULL GROUP BY 1) e
    LEFT JOIN loyalty_earning_rules r ON r.slug = e.rule
    LEFT JOIN loyalty_earning_rule_versions v ON v.slug = r.slug AND v.version = r.version
    ORDER BY e.issued DESC, e.rule
""")
# Orders that were paid, by month; money only of those in the programme's own currency.
_ORDERS = text("""
    SELECT to_char(placed_at AT TIME ZONE :zone, 'YYYY-MM') AS month, count(*) AS orders,
           count(member_id) AS of_members,
           count(*) FILTER (WHERE with_points) AS with_points,
           avg(total) FILTER (WHERE with_points AND currency = :currency)::bigint AS average_with,
           avg(total) FILTER (WHERE NOT with_points AND currency = :currency)::bigint AS average_without
    FROM (SELECT placed_at, member_id, total, currency,
                 content @> '{"tenders": [{"kind": "points"}]}' AS with_points
          FROM loyalty_orders
          WHERE placed_at >= :first AND placed_at < :moment AND status IN ('paid', 'fulfilled') AND NOT test) o
    GROUP BY 1 ORDER BY 1 DESC
""")
_KEEP = text("""
    UPDATE loyalty_analytics_snapshots SET details = details || CAST(:details AS jsonb) WHERE night = :night
""")
_KEEP_MONTH = text("""
    UPDATE loyalty_analytics_snapshots
    SET details = jsonb_set(details, ARRAY['cohorts', :month], CAST(:cells AS jsonb)) WHERE night = :night
""")


def capture_details(session: Session, moment: datetime, zone: ZoneInfo, currency: str) -> None:
    """Add forecast, funnel, message totals, points by rule, orders by month and cohort sizes to the night's snapshot.

    The snapshot must exist; `currency` is the programme's.
    """
    session.execute(text(f"SET LOCAL statement_timeout = '{SECONDS}s'"))
    values = {"zone": zone.key, "first": month_start(months_until(moment, zone)[0], zone)}
    night = moment.astimezone(zone).date()
    details = {
        "forecast": with_every_month([dict(row._mapping) for row in session.execute(_FORECAST, values)], night),
        "funnel": _funnel(session),
        "messages": {row.outcome: row.messages for row in session.execute(_MESSAGES)},
        "rules": [
            dict(row._mapping) for row in session.execute(_RULES, {"since": moment - RULE_DAYS, "moment": moment})
        ],
        "orders": [
            dict(row._mapping) for row in session.execute(_ORDERS, {**values, "moment": moment, "currency": currency})
        ],
        "sizes": {row.joined: row.members for row in session.execute(_SIZES, values)},
        "cohorts": {},
    }
    session.execute(_KEEP, {"night": night, "details": to_json(details).decode()})


def capture_month(session: Session, moment: datetime, zone: ZoneInfo, month: date) -> None:
    """Add to the night's snapshot how many of each cohort were active, and earned, in a month up to `moment`."""
    session.execute(text(f"SET LOCAL statement_timeout = '{SECONDS}s'"))
    values = {
        "zone": zone.key,
        "first": month_start(months_until(moment, zone)[0], zone),
        "begin": month_start(month, zone),
        "end": min(month_start(add_months(month, 1), zone), moment),
    }
    cells = {row.joined: [row.active, row.earned] for row in session.execute(_ACTIVE, values)}
    kept = {
        "night": moment.astimezone(zone).date(),
        "month": f"{month:%Y-%m}",
        "cells": to_json(cells).decode(),
    }
    session.execute(_KEEP_MONTH, kept)


def months_until(moment: datetime, zone: ZoneInfo) -> list[date]:
    """The first days of the months that cohorts are kept for, the current one last."""
    current = moment.astimezone(zone).date().replace(day=1)
    return [add_months(current, back) for back in range(1 - COHORT_MONTHS, 1)]


def month_start(month: date, zone: ZoneInfo) -> datetime:
    """When a month begins in the programme's time zone."""
    return datetime(month.year, month.month, 1, tzinfo=zone)


def _funnel(session: Session) -> dict[str, int]:
    rows = session.execute(_FUNNEL).all()
    return {row.status: row.invites for row in rows} | {"registered": sum(row.registered for row in rows)}
