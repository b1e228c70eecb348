"""What operators see of a member and do for them; it joins several domains."""
