"""Speed budgets (DESIGN 5), measured as ratios of interleaved runs on one machine: `make bench`."""
