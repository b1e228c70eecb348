"""JSON documents: what the API, pages and the audit log show."""

from typing import Any

import orjson

Document = dict[str, Any]
# No request moves more points at once.
MAX_POINTS = 1_000_000_000


def to_json(document: object) -> bytes:
    """The document as JSON, times in RFC 3339 with offset. Ids are to be encoded by whoever makes the document."""
    return orjson.dumps(document)
