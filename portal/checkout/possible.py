"""Whether the member can still get what a checkout planned: its cards and messages depend on it (CONTRACT rule 15).

If not, the intent itself stays pending: stock may return and points may be earned before it expires, and then its
checkout may confirm it.
"""

from portal.referrals import MAY_REFER, STILL_OPEN

# SQL over an intent `i`, its member `m` and its reward `w` (null if it is for points); uses `:now`.
_OFFERED = """
    w.active AND (w.starts_at IS NULL OR w.starts_at <= :now) AND (w.ends_at IS NULL OR w.ends_at > :now)
    AND (w.inventory IS NULL OR w.taken < w.inventory)
    AND (w.min_tier_id IS NULL OR (SELECT t.threshold FROM loyalty_tiers t WHERE t.id = w.min_tier_id)
        <= coalesce((SELECT t.threshold FROM loyalty_tiers t WHERE t.id = m.tier_id), -1))
    AND (w.per_member_limit IS NULL OR w.per_member_limit > (
        SELECT count(*) FROM loyalty_redemptions x
        WHERE x.member_id = m.id AND x.reward_id = w.id AND x.status IN ('requested', 'fulfilled')))
"""
_AVAILABLE = """
    m.balance - m.held - coalesce((
        SELECT sum(l.remaining - l.held) FROM loyalty_point_expirations l
        WHERE l.member_id = m.id AND l.remaining > 0 AND l.expires_at <= :now), 0)
"""

# The reward is offered, in stock, open to the member and within their limit, and their points are enough for it.
REDEEMABLE = f"""(
    m.status = 'active' AND (i.reward_id IS NULL OR ({_OFFERED}))
    AND coalesce(i.points, w.points_cost) <= ({_AVAILABLE})
)"""

# The member may refer and has an invite left; also uses `:most_invites`.
SHAREABLE = f"""(
    {MAY_REFER} AND :most_invites > (
        SELECT count(*) FROM loyalty_referral_invites i WHERE i.member_id = m.id AND {STILL_OPEN})
)"""
POSSIBLE = f"CASE i.kind WHEN 'redemption' THEN {REDEEMABLE} ELSE {SHAREABLE} END"
