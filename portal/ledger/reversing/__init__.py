"""Reversals: what may be taken back, from where, and what is owed because it cannot be."""

from portal.ledger.reversing.by_hand import ELSEWHERE, EntryKey, Preview, preview_reversal, reverse_entry
from portal.ledger.reversing.credits import Credit, Origin, Reversed, find_credit, reverse_credit
from portal.ledger.reversing.doubts import foresee_tier, settle_doubts, tell_date
from portal.ledger.reversing.owed import note_shortfalls
from portal.ledger.reversing.reach import PARTS, Reach, Shortfall, Taken, Wanted, plan_reversals, read_reach
from portal.ledger.reversing.restoring import Debit, Restored, plan_restore, restore_points, retake_points
from portal.ledger.reversing.writing_off import NothingOwed, write_off, write_off_old

__all__ = [
    "ELSEWHERE",
    "PARTS",
    "Credit",
    "Debit",
    "EntryKey",
    "NothingOwed",
    "Origin",
    "Preview",
    "Reach",
    "Restored",
    "Reversed",
    "Shortfall",
    "Taken",
    "Wanted",
    "find_credit",
    "foresee_tier",
    "note_shortfalls",
    "plan_restore",
    "plan_reversals",
    "preview_reversal",
    "read_reach",
    "restore_points",
    "retake_points",
    "reverse_credit",
    "reverse_entry",
    "settle_doubts",
    "tell_date",
    "write_off",
    "write_off_old",
]
