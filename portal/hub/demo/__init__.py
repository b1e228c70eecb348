"""A demo shop with a year of history, reproducible from its seed, made through the services."""
