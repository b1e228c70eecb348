"""What every request goes through: the transaction, problems, limits, answers."""
