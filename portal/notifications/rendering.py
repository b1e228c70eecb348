"""Messages from their templates: `messages/KIND.txt` and `messages/KIND.html`, in the reader's locale and zone."""

from dataclasses import dataclass

from portal.notifications.kinds import NUDGE, TIER_UPGRADE, Kind
from portal.platform.documents import Document
from portal.platform.formatting import render_for
from portal.platform.settings import current_settings


@dataclass(frozen=True, slots=True)
class Content:
    """A rendered message: mail uses `text` and `html`, SMS and push use `short`; `link` is the page it leads to."""

    subject: str
    text: str
    html: str
    short: str
    link: str


def render(
    kind: Kind,
    context: Document,
    *,
    path: str,
    locale: str | None = None,
    timezone: str | None = None,
    unsubscribe: str | None = None,
) -> Content:
    """Render a kind. The text template begins with the subject, a line for SMS and push, and an empty line."""
    link = absolute(path)
    values = {**context, "link": link, "unsubscribe": unsubscribe}
    plain = render_for(locale, timezone, f"messages/{kind.name}.txt", **values)
    page = render_for(locale, timezone, f"messages/{kind.name}.html", **values)
    subject, short, _, *body = plain.strip().split("\n")
    return Content(subject.strip(), "\n".join(body).strip() + "\n", page, short.strip(), link)


def render_loyalty_tier_upgrade(
    context: Document, *, locale: str | None = None, timezone: str | None = None, unsubscribe: str | None = None
) -> Content:
    """The announcement of a new tier: `first_name`, `tier` (name, benefits), `next_tier` (name, threshold) or None."""
    return render(
        TIER_UPGRADE, context, path="/account/loyalty", locale=locale, timezone=timezone, unsubscribe=unsubscribe
    )


def render_loyalty_nudge(
    context: Document, *, locale: str | None = None, timezone: str | None = None, unsubscribe: str | None = None
) -> Content:
    """A reminder: `first_name` and the texts of its card (`title`, `body`, `reason`, `cta_label`, `path`)."""
    path = str(context["path"])
    return render(NUDGE, context, path=path, locale=locale, timezone=timezone, unsubscribe=unsubscribe)


def absolute(path: str) -> str:
    """The public address of a path of this portal, for messages."""
    return f"{current_settings().base_url}{path}"
