"""The statements that write entries."""

from portal.ledger.statements.posting import GIVEN, Written, query, query_entries
from portal.ledger.statements.recovery import Freed, recover_from_credits, recover_from_holds

__all__ = [
    "GIVEN",
    "Freed",
    "Written",
    "query",
    "query_entries",
    "recover_from_credits",
    "recover_from_holds",
]
