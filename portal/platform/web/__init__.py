"""What every request passes: the transaction, problems, limits, answers."""
