"""What a refund would do, told before it happens, and held to when it does (CONTRACT-EARNING 8.2).

A quote is the refund itself, made in a savepoint and rolled back: it cannot differ from what the refund would do. Its
id is signed, so that nothing is stored; what the refund does is compared with it in the refund's own transaction.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal import ledger
from portal.orders.commands.refunds import refund_order
from portal.orders.problems import OrderNotFound, QuoteStale
from portal.orders.rules import OrderRules
from portal.orders.sentences import tell_refund
from portal.orders.state import RefundInput, RefundRequest
from portal.orders.taking import Taken
from portal.platform.audit import Act
from portal.platform.documents import Document, to_json
from portal.platform.formatting import reader_locale
from portal.platform.problems import InvalidInput
from portal.platform.settings import signer
from portal.referrals import get_referral

HOLDS_FOR = timedelta(minutes=15)
_NO_QUOTE = ("quoteId", "must be of a quote of this refund")
_TIER = text("""
    SELECT t.slug FROM loyalty_members m LEFT JOIN loyalty_tiers t ON t.id = m.tier_id WHERE m.id = :member_id
""")


@dataclass(frozen=True, slots=True)
class Effect:
    """What a refund does: to whom, from where points come, what comes back, their tier, and whose referral ends."""

    member_id: UUID | None
    takes: dict[str, int]
    restores: list[Document]
    tier: dict[str, str | None]
    referral: Document | None

    def document(self) -> Document:
        """The effect as the API shows it."""
        return {
            "takes": self.takes,
            "restores": self.restores,
            "tier": self.tier,
            "referral": self.referral,
            "sentences": tell_refund(
                self.takes,
                sum(each["points"] for each in self.restores),
                reader_locale(),
                falls=self.tier["before"] != self.tier["after"],
                ends_referral=self.referral is not None,
            ),
        }

    def digest(self) -> str:
        """What of it must not change until it happens: all but the dates of what comes back, which go by then."""
        restores = [[each["redemptionId"], each["points"]] for each in self.restores]
        ended = None if self.referral is None else self.referral["id"]
        return _digest_of([self.member_id, self.takes, restores, self.tier, ended])


def quote_refund(session: Session, reference: str, refund: RefundInput, act: Act, rules: OrderRules) -> Document:
    """What this refund would do now, with an id by which it does exactly that within `HOLDS_FOR`. Writes nothing.

    :raises OrderNotFound: if there is no such order.

    Also raises everything that `refund_order` raises.
    """
    with session.begin_nested() as trial:
        taken = refund_order(session, reference, refund, act, rules)
        effect = None if taken is None else _effect_of(session, taken, act.now, rules)
        trial.rollback()
    if effect is None:
        raise OrderNotFound
    return _quote(reference, refund, effect, act.now)


def refund_as_quoted(
    session: Session, reference: str, wanted: RefundRequest, act: Act, rules: OrderRules
) -> Taken | None:
    """Make a refund as `refund_order` does; if it names a quote, only if it does exactly what that said.

    :raises QuoteStale: if it would do something else, or the quote is too old; then nothing is done.
    :raises portal.platform.problems.InvalidInput: if the quote is none of this refund's.

    Also raises everything that `refund_order` raises.
    """
    refund = wanted.refund()
    taken = refund_order(session, reference, refund, act, rules)
    if wanted.quote_id is None or (taken is not None and not taken.created):
        return taken
    digest, until = _read(wanted.quote_id, reference, refund)
    if taken is None:
        raise OrderNotFound
    effect = _effect_of(session, taken, act.now, rules)
    if digest != effect.digest() or until < act.now:
        raise QuoteStale(_quote(reference, refund, effect, act.now))
    return taken


def _effect_of(session: Session, taken: Taken, now: datetime, rules: OrderRules) -> Effect:
    parts = Counter[str]()
    for each in taken.booked.taken:
        parts.update(each.figures())
    tier = _foresee(session, taken.order.member_id, now, rules)
    ended = [get_referral(session, each.invite.id, now=now, rules=rules.referrals) for each in taken.taken_back]
    takes = {name: parts[name] for name in ledger.PARTS}
    restores = [
        {"redemptionId": each.redemption_id, "points": each.points, "expiresAt": each.expires_at}
        for each in taken.booked.returned
    ]
    return Effect(taken.order.member_id, takes, restores, tier, ended[0] if ended else None)


def _foresee(session: Session, member_id: UUID | None, now: datetime, rules: OrderRules) -> dict[str, str | None]:
    """The member's tier, and that once the day has ended."""
    if member_id is None:
        return {"before": None, "after": None}
    after = ledger.foresee_tier(session, member_id, now, rules=rules.points, within=rules.unearn)
    return {"before": session.scalar(_TIER, {"member_id": member_id}), "after": after}


def _quote(reference: str, refund: RefundInput, effect: Effect, now: datetime) -> Document:
    until = now + HOLDS_FOR
    quote_id = _signer().dumps([reference, _content_of(refund), effect.digest(), until.timestamp()])
    return {"quoteId": quote_id, "expiresAt": until, **effect.document()}


def _read(quote_id: str, reference: str, refund: RefundInput) -> tuple[str, datetime]:
    """What the quote holds the refund to, and until when."""
    try:
        of, content, digest, until = _signer().loads(quote_id)
    except (BadSignature, ValueError) as error:
        raise InvalidInput(_NO_QUOTE) from error
    if (of, content) != (reference, _content_of(refund)):
        raise InvalidInput(_NO_QUOTE)
    return digest, datetime.fromtimestamp(until, UTC)


def _signer() -> URLSafeSerializer:
    return signer("refund-quote")


def _content_of(refund: RefundInput) -> str:
    return _digest_of(refund.model_dump(mode="json"))


def _digest_of(held_to: object) -> str:
    return hashlib.sha256(to_json(held_to)).hexdigest()[:32]
