"""An order told to operators: what the shop said of it, what it earns and why, and how it came to that."""
