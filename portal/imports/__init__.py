"""Members and balances from files: checked row by row, applied in one transaction."""
