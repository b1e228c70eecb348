"""JSON documents: what the API, pages and the audit log show."""

from typing import Any

import orjson

Document = dict[str, Any]
# The most points that one request may move.
MAX_POINTS = 1_000_000_000


def to_json(document: object) -> bytes:
    """The document as JSON, times in RFC 3339 with offset. The caller has encoded the ids."""
    return orjson.dumps(document)
