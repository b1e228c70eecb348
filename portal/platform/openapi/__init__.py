"""The API's own description, for people and for machines."""

from portal.platform.openapi.document import (
    IDEMPOTENCY_KEY,
    PROBLEM,
    SECURITY,
    Amendment,
    amend_with,
    finish,
    init_app,
    operations,
)

__all__ = [
    "IDEMPOTENCY_KEY",
    "PROBLEM",
    "SECURITY",
    "Amendment",
    "amend_with",
    "finish",
    "init_app",
    "operations",
]
