"""What every request passes: the edge, problems, limits, answers."""
