"""JSON documents: what the API, pages and the audit log show."""

from typing import Any

Document = dict[str, Any]
