"""PostgreSQL, Redis and the portal's processes, run from one data directory without anything installed."""
