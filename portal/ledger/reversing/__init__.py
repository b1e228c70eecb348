"""Reversals: what may be taken back, from where, and what is owed because it cannot be."""

from portal.ledger.reversing.credits import Credit, Origin, Reversed, find_credit, reverse_credit
from portal.ledger.reversing.owed import note_shortfalls
from portal.ledger.reversing.reach import PARTS, Reach, Shortfall, Taken, Wanted, plan_reversals, read_reach

__all__ = [
    "PARTS",
    "Credit",
    "Origin",
    "Reach",
    "Reversed",
    "Shortfall",
    "Taken",
    "Wanted",
    "find_credit",
    "note_shortfalls",
    "plan_reversals",
    "read_reach",
    "reverse_credit",
]
