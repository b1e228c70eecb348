"""Entries, lots, posting, holds and expiry."""

from portal.ledger.adjustments import add_facts, adjust_points
from portal.ledger.checks import keep_check, list_last_checks
from portal.ledger.expiry import expire_scheduled_points
from portal.ledger.explanation import EntryNotFound, ExplainedRow, Explanation, get_explained_entry
from portal.ledger.holds import InsufficientPoints, hold_points, release_holds, take_held_points
from portal.ledger.labels import labels_of
from portal.ledger.models import EntryType
from portal.ledger.pending import PendingCredit, activate_due, activate_now, is_put_aside, put_aside, reschedule, shrink
from portal.ledger.posting import Entry, Posted, Posting, Texts, post
from portal.ledger.reads import NEXT_PENDING, describe, get_entry, list_pending, serialize_entry, serialize_pending
from portal.ledger.reversing import (
    PARTS,
    Credit,
    Debit,
    NothingOwed,
    Origin,
    Reach,
    Restored,
    Reversed,
    Shortfall,
    Taken,
    Wanted,
    find_credit,
    note_shortfalls,
    plan_restore,
    plan_reversals,
    read_reach,
    restore_points,
    retake_points,
    reverse_credit,
    write_off,
    write_off_old,
)
from portal.ledger.rules import EarningRules, credit
from portal.ledger.streaks import grant_weekly_streak_bonuses
from portal.ledger.verify import CHECKS, Check, Difference, add_checks, by_sql

__all__ = [
    "CHECKS",
    "NEXT_PENDING",
    "PARTS",
    "Check",
    "Credit",
    "Debit",
    "Difference",
    "EarningRules",
    "Entry",
    "EntryNotFound",
    "EntryType",
    "ExplainedRow",
    "Explanation",
    "InsufficientPoints",
    "NothingOwed",
    "Origin",
    "PendingCredit",
    "Posted",
    "Posting",
    "Reach",
    "Restored",
    "Reversed",
    "Shortfall",
    "Taken",
    "Texts",
    "Wanted",
    "activate_due",
    "activate_now",
    "add_checks",
    "add_facts",
    "adjust_points",
    "by_sql",
    "credit",
    "describe",
    "expire_scheduled_points",
    "find_credit",
    "get_entry",
    "get_explained_entry",
    "grant_weekly_streak_bonuses",
    "hold_points",
    "is_put_aside",
    "keep_check",
    "labels_of",
    "list_last_checks",
    "list_pending",
    "note_shortfalls",
    "plan_restore",
    "plan_reversals",
    "post",
    "put_aside",
    "read_reach",
    "release_holds",
    "reschedule",
    "restore_points",
    "retake_points",
    "reverse_credit",
    "serialize_entry",
    "serialize_pending",
    "shrink",
    "take_held_points",
    "write_off",
    "write_off_old",
]
