"""The operators' first page and the audit log; they join several domains."""
