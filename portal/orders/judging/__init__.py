"""What an order, or a cart, should be granted: its snapshot, what remains of it, its target; quotes and previews."""
