"""Joining: what brings points to those who register and confirm, and whom the shop tells of (CONTRACT-EARNING 8.3)."""

from datetime import datetime

from sqlalchemy.orm import Session

from portal import ledger
from portal.earning.grants import Cause, get_grants, take_entitlement
from portal.earning.occasions.granting import SIGN_UP, Occasion, book, find_refusals, grant, judge, read_standing
from portal.earning.reads import get_active_rules
from portal.earning.rules import RuleKind
from portal.ledger import EarningRules, EntryType
from portal.members import lock_members
from portal.platform import ids
from portal.tiers import enrol

ONCE = "once"
"""The period of what a member is granted once for ever."""


def welcome(session: Session, user_id: str, now: datetime, earning: EarningRules) -> ledger.Posted:
    """Grant what joining brings, once for each rule. A user who is no member yet becomes one, if there is such a rule.

    :raises portal.accounts.UserNotFound: if there is no such user.
    """
    rules = get_active_rules(RuleKind.SIGN_UP)
    if not rules:
        return ledger.Posted([], [])
    member_id = enrol(session, user_id).id
    lock_members(session, [member_id])
    standing = read_standing(session, member_id)
    cause = Cause(member_id, SIGN_UP, ids.encode(member_id), now)
    known = get_grants(session, cause)
    fresh = [] if standing.suspended else [rule for rule in rules if rule.slug not in known]
    outcomes = judge(session, cause, fresh, find_refusals(fresh, now, earning.zone, standing.tier), earning)
    paying = [each for each in outcomes if each.points and take_entitlement(session, cause, each.rule.slug, ONCE, now)]
    return book(session, grant(session, Occasion(cause, EntryType.SIGN_UP), paying, now, earning), now)
