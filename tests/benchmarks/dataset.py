"""A programme of any size, written by SQL; it passes `ledger verify`."""

from sqlalchemy import text
from sqlalchemy.orm import Session

_TIERS = text("""
    INSERT INTO loyalty_tiers (id, slug, name, threshold, benefits, position, active, created_at, updated_at)
    SELECT new_ulid(:now), slug, initcap(slug), threshold, '[]', position, true, :now, :now
    FROM (VALUES ('bronze', 0, 1), ('silver', 1000, 2), ('gold', 100000, 3)) AS t(slug, threshold, position)
""")
_REWARDS = text("""
    INSERT INTO loyalty_rewards (id, slug, name, description, points_cost, icon, created_at, updated_at)
    SELECT new_ulid(:now), 'reward-' || n, 'Reward ' || n, '', n * 10, 'gift', :now, :now FROM generate_series(1, 10) n
""")
_USERS = text("""
    INSERT INTO users (id, email, email_normalized, email_verified_at, name, created_at, updated_at)
    SELECT 'u' || n, 'u' || n || '@example.com', 'u' || n || '@example.com', :now, 'User ' || n, :now, :now
    FROM generate_series(1, :members) n
""")
_MEMBERS = text("""
    INSERT INTO loyalty_members (id, user_id, referral_code, joined_at, balance, lifetime_earned, last_seq, tier_id,
                                 tier_since)
    SELECT new_ulid(:now), 'u' || n, 'B' || lpad(n::text, 9, '0'), :now,
           10 * CAST(:entries AS bigint),
           10 * CAST(:entries AS bigint), :entries, (SELECT id FROM loyalty_tiers WHERE slug = 'bronze'), :now
    FROM generate_series(1, :members) n
""")
_ENTRIES = text("""
    WITH written AS (
        INSERT INTO loyalty_ledger_entries (member_id, seq, id, occurred_at, entry_type, amount, balance_after,
            qualifying, qualifies_at, posted_at, programme_version, metadata, source, external_id, effect)
        SELECT m.id, e.seq, new_ulid(:now), CAST(:now AS timestamptz) - make_interval(hours => 4000 - e.seq), 'order',
               10, 10 * e.seq, 10, :now, :now, 1, '{}', 'order', e.seq::text, 'earn'
        FROM loyalty_members m CROSS JOIN generate_series(1, :entries) AS e(seq)
        RETURNING member_id, id, seq, occurred_at)
    INSERT INTO loyalty_point_expirations (member_id, id, seq, points, remaining, opened_at, expires_at)
    SELECT member_id, id, seq, 10, 10, occurred_at, occurred_at + interval '400 days' FROM written
""")


def fill(session: Session, members: int, entries: int, now: object) -> None:
    """`members` with `entries` orders of 10 points each; the caller commits."""
    values = {"members": members, "entries": entries, "now": now}
    session.execute(text("SET LOCAL statement_timeout = 0"))
    for statement in (_TIERS, _REWARDS, _USERS, _MEMBERS, _ENTRIES):
        session.execute(statement, {name: values[name] for name in statement.compile().params})


def analyze(session: Session) -> None:
    """Give the planner its statistics."""
    session.execute(text("ANALYZE"))
