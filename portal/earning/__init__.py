"""Earning rules, their versions, and what carts earn by them."""

from portal.earning.basis import Basis, LineBasis, Terms, compute_basis, compute_nets, spread
from portal.earning.cart import Cart, Line, LineKind, Tender, TenderKind
from portal.earning.evaluation import Cap, Evaluation, Facts, Grant, Lost, Reason, Room, Rule, evaluate
from portal.earning.explanations import (
    EXCLUDED,
    LOST,
    REASONS,
    explain_lost,
    facts_of,
    in_decimals,
    round_half_up,
    tell_grant,
)
from portal.earning.grants import (
    Cause,
    Granted,
    find_window,
    free_entitlements,
    get_grants,
    lock_totals,
    read_room,
    take_entitlement,
    write_grants,
)
from portal.earning.occasions.birthdays import pay_birthdays
from portal.earning.occasions.events import EventInput, EventRules, record_event
from portal.earning.occasions.joining import welcome
from portal.earning.reads import get_active_rules, get_versions
from portal.earning.rules import RuleKind, RuleTerms
from portal.earning.sentences import list_ways_of, say_money, say_points
from portal.earning.versions import put_rule

__all__ = [
    "EXCLUDED",
    "LOST",
    "REASONS",
    "Basis",
    "Cap",
    "Cart",
    "Cause",
    "Evaluation",
    "EventInput",
    "EventRules",
    "Facts",
    "Grant",
    "Granted",
    "Line",
    "LineBasis",
    "LineKind",
    "Lost",
    "Reason",
    "Room",
    "Rule",
    "RuleKind",
    "RuleTerms",
    "Tender",
    "TenderKind",
    "Terms",
    "compute_basis",
    "compute_nets",
    "evaluate",
    "explain_lost",
    "facts_of",
    "find_window",
    "free_entitlements",
    "get_active_rules",
    "get_grants",
    "get_versions",
    "in_decimals",
    "list_ways_of",
    "lock_totals",
    "pay_birthdays",
    "put_rule",
    "read_room",
    "record_event",
    "round_half_up",
    "say_money",
    "say_points",
    "spread",
    "take_entitlement",
    "tell_grant",
    "welcome",
    "write_grants",
]
