"""Templates for a reader who is not the one who asks: messages, in the formats of whoever gets them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import g, render_template


def render_for(locale: str | None, timezone: str | None, template: str, **values: Any) -> str:
    """The template with figures and times as this reader writes them; None: as the programme does."""
    with _read_in(locale, timezone):
        return render_template(template, **values)


@contextmanager
def _read_in(locale: str | None, timezone: str | None) -> Iterator[None]:
    before = g.get("display_locale"), g.get("display_timezone")
    g.display_locale, g.display_timezone = locale, timezone
    try:
        yield
    finally:
        g.display_locale, g.display_timezone = before
