"""Orders after which the member could tell a friend, while they may invite one."""

from datetime import datetime

from portal.checkout import SHAREABLE
from portal.nudges.rules import NudgeRules
from portal.nudges.signals.base import Facts, Reader, Signal, Words

_DUE = "i.kind = 'referral_share' AND i.status = 'pending' AND i.expires_at > :now"


def _bounds(rules: NudgeRules, _: datetime) -> dict[str, object]:
    return {"most_invites": rules.max_invites}


def _words(facts: Facts, _: Reader) -> Words:
    order = facts["order_reference"]
    return Words(
        title="Share what you love",
        body=f"Happy with order {order}? Invite a friend, and you both get something out of it.",
        cta_label="Invite a friend",
        path="/account/referrals",
        reason=f"You said at the checkout of order {order} that you might tell a friend.",
    )


SIGNAL = Signal(
    name="referral_share",
    label="A friend to tell after an order",
    causes=f"""
        SELECT i.member_id, array_agg(i.id ORDER BY i.id) AS causes, (array_agg(
                   jsonb_build_object('order_reference', left(i.order_reference, 40), 'intent_id', i.id)
                   ORDER BY i.id DESC))[1] AS facts
        FROM loyalty_checkout_intents i JOIN loyalty_members m ON m.id = i.member_id
        WHERE i.member_id = ANY({{members}}) AND {_DUE} AND {SHAREABLE}
        GROUP BY i.member_id
    """,
    members=f"SELECT i.member_id FROM loyalty_checkout_intents i WHERE {_DUE}",
    words=_words,
    example={"order_reference": "#10021", "intent_id": "019a7777-0000-7000-8000-000000000003"},
    bounds=_bounds,
)
