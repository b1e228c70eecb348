"""A nudge as its member sees it (CONTRACT 3): words from its signal, in the reader's locale and time zone."""

from collections.abc import Mapping
from dataclasses import astuple
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from portal.nudges.rules import NudgeRules
from portal.nudges.signals import SIGNALS, Reader, Words
from portal.nudges.state import CardRow
from portal.platform import ids
from portal.platform.documents import Document


class Reads(Protocol):
    """A row that says in which language and time zone somebody reads."""

    @property
    def locale(self) -> str | None:
        """Their language and region; None: the programme's."""

    @property
    def timezone(self) -> str | None:
        """Their IANA time zone; None: the programme's."""


def reader_of(row: Reads, rules: NudgeRules, now: datetime) -> Reader:
    """The reader for a row's `locale` and `timezone`; where they are None, the programme's apply."""
    zone = ZoneInfo(row.timezone) if row.timezone else rules.zone
    return Reader(row.locale or rules.locale, zone, now)


def make_card(row: CardRow, reader: Reader, base_url: str) -> Document:
    """The document of a nudge; ids in its metadata are encoded."""
    words = write(row.signal, row.payload, reader)
    return {
        "id": ids.encode(row.id),
        "type": row.signal,
        "title": words.title,
        "body": words.body,
        "ctaLabel": words.cta_label,
        "ctaUrl": f"{base_url}{words.path}",
        "priority": row.priority,
        "channels": row.channels,
        "status": row.status,
        "reason": words.reason,
        "createdAt": row.created_at,
        "expiresAt": row.expires_at,
        "metadata": {name: _plain(name, value) for name, value in row.payload.items()},
    }


def write(signal: str, facts: Mapping[str, Any], reader: Reader) -> Words:
    """The texts of a nudge, each on one line, even if a name in them has a line break."""
    words = SIGNALS[signal].words(facts, reader)
    return Words(*(" ".join(part.split()) for part in astuple(words)))


def _plain(name: str, value: object) -> object:
    return ids.encode(UUID(str(value))) if name.endswith("_id") and value else value
