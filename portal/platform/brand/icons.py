"""Tabler's outline icons, inlined into pages so that they take the colour of the text around them."""

import re
from functools import lru_cache
from pathlib import Path

from flask import Flask
from markupsafe import Markup

FALLBACK = "gift"
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_DRAWING = re.compile(r"<svg[^>]*>(?P<shapes>.*)</svg>", re.DOTALL)
_FRAME = (
    '<svg class="{classes}" viewBox="0 0 24 24" width="24" height="24" fill="none" stroke="currentColor" '
    'stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">'
    "{shapes}</svg>"
)


@lru_cache(maxsize=512)
def read_shapes(folder: Path, name: str) -> str:
    """The inner shapes of icon `name`; those of a gift if there is no such icon, empty if no icons are installed.

    Names come from reward settings too, so only lower-case letters, digits and hyphens are looked up on disk.
    """
    path = folder / f"{name}.svg"
    if not _NAME.fullmatch(name) or not path.is_file():
        return "" if name == FALLBACK else read_shapes(folder, FALLBACK)
    found = _DRAWING.search(path.read_text(encoding="utf-8"))
    return " ".join(found["shapes"].split()) if found else ""


def init_app(app: Flask) -> None:
    """Give templates `inline_icon(name, classes)`: a decorative inline SVG, hidden from screen readers."""
    folder = Path(app.static_folder or "static") / "vendor" / "icons"

    @lru_cache(maxsize=1024)
    def inline_icon(name: str, classes: str = "") -> Markup:
        return Markup(_FRAME).format(classes=f"icon {classes}", shapes=Markup(read_shapes(folder, name)))  # noqa: S704 - files of the repository

    app.jinja_env.globals["inline_icon"] = inline_icon
