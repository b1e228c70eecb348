"""Rewards and points that a checkout planned and nobody has confirmed, while the member can still get them."""

from uuid import UUID

from portal.checkout import REDEEMABLE
from portal.nudges.signals.base import Facts, Reader, Signal, Words
from portal.platform import ids

_DUE = "i.kind = 'redemption' AND i.status = 'pending' AND i.expires_at > :now"


def _words(facts: Facts, reader: Reader) -> Words:
    cost = reader.points(facts["points"]) if facts["points"] else "Your points"
    until, order, reward = reader.until(facts["expires_at"]), facts["order_reference"], facts["title"]
    # Redeeming through this link confirms what the checkout planned.
    redeem = f"/rewards/{facts['reward']}/redeem?intent={ids.encode(UUID(facts['intent_id']))}"
    return Words(
        title=f"{reward} is waiting for you" if reward else "Use your points at your checkout",
        body=f"You picked it for order {order}: {cost}, and it is yours."
        if reward
        else f"You meant to use {cost} on order {order}. They stay yours until you decide.",
        cta_label="Get it now" if reward else "See your points",
        path=f"/account/loyalty{redeem if reward else '#balances'}",
        reason=f"You left this at the checkout of order {order}; it waits until {until}.",
    )


SIGNAL = Signal(
    name="checkout_reminder",
    label="Something left at the checkout",
    causes=f"""
        SELECT i.member_id, array_agg(i.id ORDER BY i.id) AS causes, (array_agg(
                   jsonb_build_object('points', coalesce(i.points, w.points_cost), 'reward', w.slug, 'title', w.name,
                       'order_reference', left(i.order_reference, 40), 'expires_at', i.expires_at, 'intent_id', i.id)
                   ORDER BY i.id DESC))[1] AS facts
        FROM loyalty_checkout_intents i JOIN loyalty_members m ON m.id = i.member_id
        LEFT JOIN loyalty_rewards w ON w.id = i.reward_id
        WHERE i.member_id = ANY({{members}}) AND {_DUE} AND {REDEEMABLE}
        GROUP BY i.member_id
    """,
    members=f"SELECT i.member_id FROM loyalty_checkout_intents i WHERE {_DUE}",
    words=_words,
    example={
        "points": 300,
        "reward": "five-off",
        "title": "5 euros off",
        "order_reference": "#10021",
        "expires_at": "2026-11-19T09:00:00+00:00",
        "intent_id": "019a7777-0000-7000-8000-000000000002",
    },
)
