"""What each check of the ledger means, for operators."""

CHECKS = {
    "balance": "Each balance is the sum of the member's entries.",
    "balance_in_lots": "Each balance is what is left in the member's lots.",
    "balance_after": "Each entry shows the balance that the entries up to it make.",
    "sequence": "Each member's entries are numbered without a gap.",
    "lifetime_earned": "What a member earned in all is the sum of their credits.",
    "lot_opened": "Each credit opened a lot of its size.",
    "lot_remaining": "What is left in a lot is its size less what was taken.",
    "debit_taken": "Each debit took its size from lots.",
    "held": "Points on hold are those of the open requests.",
    "hold_allocated": "Each open request has its points in lots, and no closed one has.",
    "lot_held": "What a lot keeps on hold is what requests have in it.",
    "redemption_debited": "Each fulfilled request was debited by its points.",
    "tier": "Each member has at least the tier that they earned.",
    "reward_taken": "What was taken of a reward is what was requested and not given back.",
}
