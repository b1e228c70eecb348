"""The documentation in `portal/docs`, as pages: Markdown rendered to HTML with an anchor at every heading."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markdown import Markdown
from markupsafe import Markup

FOLDER = Path(__file__).resolve().parents[2] / "docs"
# In reading order; a page is a file of that name.
PAGES = ("operating", "accounts", "messages", "referrals", "orders", "api", "settings")
EXTENSIONS = ("tables", "fenced_code", "toc")
# In the repository a link names the file (`api.md`), on a page the other page (`api`).
_LINK = re.compile(r'(?<=href=")(\w+)\.md(?=["#])')
# Parts that may be wider than the page scroll on their own, by keyboard too.
_SCROLLING = {
    "<table>": '<div class="docs__scroll" role="group" aria-label="Table" tabindex="0"><table>',
    "</table>": "</table></div>",
    "<pre>": '<pre tabindex="0">',
}


@dataclass(frozen=True, slots=True)
class Page:
    """A page: its name in the address, its title, and its content as HTML, which is our own and trusted."""

    name: str
    title: str
    content: Markup


@cache
def read_page(name: str) -> Page | None:
    """The page of that name; None when there is none."""
    if name not in PAGES:
        return None
    title, _, text = (FOLDER / f"{name}.md").read_text().partition("\n")
    content = _LINK.sub(r"\1", Markdown(extensions=list(EXTENSIONS)).convert(text))
    for part, scrolling in _SCROLLING.items():
        content = content.replace(part, scrolling)
    return Page(name, title.removeprefix("# "), Markup(content))  # noqa: S704 - files of the repository


def list_pages() -> list[Page]:
    """Every page, in reading order."""
    return [page for name in PAGES if (page := read_page(name)) is not None]
