"""Earning rules, their versions, and what carts earn by them."""

from portal.earning.basis import Basis, LineBasis, Terms, compute_basis, spread
from portal.earning.cart import Cart, Line, LineKind, Tender, TenderKind
from portal.earning.evaluation import Cap, Evaluation, Facts, Grant, Lost, Reason, Room, Rule, evaluate
from portal.earning.reads import get_active_rules
from portal.earning.rules import RuleKind, RuleTerms

__all__ = [
    "Basis",
    "Cap",
    "Cart",
    "Evaluation",
    "Facts",
    "Grant",
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
    "evaluate",
    "get_active_rules",
    "spread",
]
