"""Pages as a browser without scripts reads them."""

from typing import Any
from xml.etree.ElementTree import Element

import html5lib


class PageView:
    """A parsed page, found by its hooks."""

    def __init__(self, html: str) -> None:
        self.root: Element = html5lib.parse(html, namespaceHTMLElements=False)

    def hooks(self, name: str, inside: Element | None = None) -> list[Element]:
        """The elements with this `data-testid`."""
        top = self.root if inside is None else inside
        return [found for found in top.iter() if found.get("data-testid") == name]

    def hook(self, name: str, inside: Element | None = None) -> Element:
        """The one element with this `data-testid`."""
        (found,) = self.hooks(name, inside)
        return found

    def text(self, name: str) -> str:
        """What is read at the one element with this `data-testid`."""
        return " ".join("".join(self.hook(name).itertext()).split())

    def form(self, inside: Element | None = None) -> tuple[Element, dict[str, Any]]:
        """The first form that posts, and what it would send as it is."""
        top = self.root if inside is None else inside
        forms = [form for form in top.iter("form") if form.get("method", "").lower() == "post"]
        form = next(form for form in forms if form.get("action") != "/logout")
        fields: dict[str, Any] = {}
        for control in form.iter():
            name, kind = control.get("name"), control.get("type", "")
            if not name or (kind in ("checkbox", "radio") and control.get("checked") is None):
                continue
            if control.tag == "select":
                fields[name] = chosen(control)
            elif control.tag in ("input", "textarea", "button"):
                fields.setdefault(name, []).append(control.get("value", control.text or ""))
        return form, fields


def chosen(select: Element) -> str:
    """What a browser sends for a list: the selected option, or else the first."""
    options = list(select.iter("option"))
    marked = [option for option in options if option.get("selected") is not None] or options[:1]
    return str(marked[-1].get("value", marked[-1].text))
