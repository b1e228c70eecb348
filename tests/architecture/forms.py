"""Forms as a browser reads them from a page."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from xml.etree.ElementTree import Element

import html5lib

CONTROLS = ("input", "select", "textarea")
Fields = dict[str, list[str]]


@dataclass(frozen=True)
class Form:
    """A form: where it is sent, what it holds, the empty controls by their kind, and those that take a file."""

    method: str
    action: str
    fields: Fields
    empty: dict[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ()


def forms_of(html: str, page: str) -> Iterator[Form]:
    """Every form of the page at this path, once for each place that a button sends it to."""
    document = html5lib.parse(html, namespaceHTMLElements=False)
    for element in document.iter("form"):
        inside = set(element.iter())
        controls = [c for c in document.iter() if c.tag in CONTROLS and _belongs(c, element, inside)]
        form = _read(element, controls, page)
        yield form
        for button in element.iter("button"):
            if "formaction" in button.attrib:
                chosen = {button.get("name", ""): [button.get("value", "")]} if button.get("name") else {}
                yield replace(form, action=button.get("formaction", ""), fields={**form.fields, **chosen})


def links_of(html: str) -> list[str]:
    """Where the links and differing submit buttons of a page lead."""
    document = html5lib.parse(html, namespaceHTMLElements=False)
    found = [a.get("href") for a in document.iter("a") if "download" not in a.attrib]
    return [href for href in [*found, *(b.get("formaction") for b in document.iter("button"))] if href]


def _belongs(control: Element, form: Element, inside: set[Element]) -> bool:
    if not control.get("name") or "disabled" in control.attrib:
        return False
    named = control.get("form")
    return named == form.get("id") if named else control in inside


def _read(form: Element, controls: list[Element], page: str) -> Form:
    fields: Fields = {}
    empty: dict[str, str] = {}
    files = []
    for control in controls:
        name, kind = control.get("name", ""), control.get("type", "text") if control.tag == "input" else control.tag
        kind = "number" if control.get("inputmode") in ("numeric", "decimal") else kind
        value = _value(control, kind)
        if kind == "file":
            files.append(name)
        elif value is None or (value == "" and kind != "hidden"):
            empty.setdefault(name, control.get("value", kind) if kind in ("checkbox", "radio") else kind)
        else:
            fields.setdefault(name, []).append(value)
    for name in fields:
        empty.pop(name, None)
    return Form(form.get("method", "get").lower(), form.get("action") or page, fields, empty, tuple(files))


def _value(control: Element, kind: str) -> str | None:
    """What the control would send as it stands; None for a box that is not ticked."""
    if kind in ("checkbox", "radio"):
        return control.get("value", "on") if "checked" in control.attrib else None
    if kind == "select":
        options = list(control.iter("option"))
        chosen = [option for option in options if "selected" in option.attrib] or options[:1]
        return chosen[0].get("value", chosen[0].text or "") if chosen else None
    if kind == "textarea":
        return (control.text or "").removeprefix("\n")
    return control.get("value", "")
