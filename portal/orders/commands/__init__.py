"""What is done with orders besides telling one state: many at once, refunds, claims, and what operators do."""
