"""The feed: a member's pending intents and their cards, in one statement over an index of pending intents."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, cast
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.accounts import UserNotFound
from portal.checkout.cards import make_card
from portal.checkout.intents import CheckoutRules
from portal.checkout.possible import POSSIBLE
from portal.platform.db.hot import read_hot
from portal.platform.documents import Document
from portal.platform.ids import encode as ulid

MAX_SHOWN = 500
_FOR_CARDS = ("rewardName", "possible")

_SQL = f"""
    SELECT i.id, i.checkout_intent_id, i.kind, i.order_reference, i.channel, w.slug, w.name,
           coalesce(r.points, i.points, w.points_cost) AS points, i.redemption_id, i.created_at, i.expires_at,
           i.resolved_at,
           CASE WHEN i.status = 'pending' AND i.expires_at <= :now THEN 'expired' ELSE i.status END AS status,
           i.status = 'pending' AND {POSSIBLE} AS possible
    FROM users u
    LEFT JOIN loyalty_members m ON m.user_id = u.id
    LEFT JOIN LATERAL (
        (SELECT * FROM loyalty_checkout_intents p
         WHERE p.member_id = m.id AND p.status = 'pending' AND p.expires_at > :now
         ORDER BY p.expires_at DESC LIMIT :most)
        UNION
        SELECT * FROM loyalty_checkout_intents n
        WHERE n.member_id = m.id AND n.id = ANY(CAST(:named AS uuid[]))) i ON true
    LEFT JOIN loyalty_rewards w ON w.id = i.reward_id
    LEFT JOIN loyalty_redemptions r ON r.member_id = m.id AND r.id = i.redemption_id
    WHERE u.id = :user_id
    ORDER BY i.id DESC
"""
_FEED = text(_SQL)


class IntentRow(NamedTuple):
    """An intent with data of its reward and redemption; all fields are None for a user without intents."""

    id: UUID
    checkout_intent_id: str
    kind: str
    order_reference: str
    channel: str | None
    slug: str | None
    name: str | None
    points: int | None
    redemption_id: UUID | None
    created_at: datetime
    expires_at: datetime
    resolved_at: datetime | None
    status: str
    possible: bool


def get_feed(user_id: str, now: datetime, rules: CheckoutRules) -> Document:
    """`{intents, actions}` of a user as last committed: the intents that are pending and have not expired.

    At most `MAX_SHOWN`, those that expire last; newest first, actions by priority. An intent that is not possible now
    (`portal.checkout.possible`) has no action, as following it would end in a refusal.

    :raises UserNotFound: if there is no such user.
    """
    return _feed(read_hot(_FEED, _values(user_id, now, rules)), rules.base_url)


def get_feed_with(
    session: Session, user_id: str, named: Sequence[UUID], now: datetime, rules: CheckoutRules
) -> Document:
    """The feed as it is in the current transaction, with these intents in whatever state they are."""
    return _feed(_read(session, _values(user_id, now, rules, named)), rules.base_url)


def get_intent(session: Session, user_id: str, intent_id: UUID, now: datetime, rules: CheckoutRules) -> Document:
    """One intent as the API shows it, within the current transaction."""
    rows = _read(session, {**_values(user_id, now, rules, [intent_id]), "most": 0})
    return {name: value for name, value in _intent(rows[0]).items() if name not in _FOR_CARDS}


def _values(user_id: str, now: datetime, rules: CheckoutRules, named: Sequence[UUID] = ()) -> dict[str, object]:
    return {
        "user_id": user_id,
        "now": now,
        "named": list(named),
        "most": MAX_SHOWN,
        "most_invites": rules.max_invites,
    }


def _read(session: Session, values: dict[str, object]) -> list[IntentRow]:
    return cast("list[IntentRow]", session.execute(_FEED, values).all())


def _feed(rows: list[IntentRow], base_url: str) -> Document:
    if not rows:
        raise UserNotFound
    intents = [_intent(row) for row in rows if row.id is not None]
    actions = [
        make_card(intent, base_url) for intent in intents if intent["status"] == "pending" and intent["possible"]
    ]
    for intent in intents:
        for name in _FOR_CARDS:
            del intent[name]
    return {"intents": intents, "actions": sorted(actions, key=lambda action: -action["priority"])}


def _intent(row: IntentRow) -> Document:
    return {
        "id": ulid(row.id),
        "checkoutIntentId": row.checkout_intent_id,
        "kind": row.kind,
        "status": row.status,
        "orderReference": row.order_reference,
        "channel": row.channel,
        "rewardSlug": row.slug,
        "rewardName": row.name,
        "possible": row.possible,
        "points": row.points,
        "redemptionId": ulid(row.redemption_id) if row.redemption_id else None,
        "createdAt": row.created_at,
        "expiresAt": row.expires_at,
        "resolvedAt": row.resolved_at,
    }
