"""How a nudge would look to somebody made up, for whoever sets a campaign."""

from dataclasses import dataclass

from portal.notifications import ChannelName, absolute, render_loyalty_nudge
from portal.nudges.cards import write
from portal.nudges.rules import NudgeRules
from portal.nudges.signals import SIGNALS, Reader
from portal.platform import clock


@dataclass(frozen=True, slots=True)
class Preview:
    """A message as its channel would carry it; only mail has a page and a way to unsubscribe."""

    subject: str
    text: str
    html: str | None = None


def preview_nudge(signal: str, channel: ChannelName) -> Preview:
    """The message of a signal on a channel, in the programme's locale and time zone."""
    mail = channel is ChannelName.EMAIL
    card = {**example_card(signal), "first_name": "Ada"}
    content = render_loyalty_nudge(card, unsubscribe=absolute("/unsubscribe/preview") if mail else None)
    if mail:
        return Preview(content.subject, content.text, content.html)
    text = f"{content.short} {content.link}" if channel is ChannelName.SMS else content.short
    return Preview(content.subject, text)


def example_card(signal: str) -> dict[str, str]:
    """The card of a nudge with made-up facts, as `render_loyalty_nudge` takes it."""
    rules = NudgeRules.current()
    words = write(signal, SIGNALS[signal].example, Reader(rules.locale, rules.zone, clock.now()))
    return {
        "title": words.title,
        "body": words.body,
        "cta_label": words.cta_label,
        "path": words.path,
        "reason": words.reason,
    }
