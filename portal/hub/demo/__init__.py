"""A shop with a year behind it, the same from every seed, made through the services."""
