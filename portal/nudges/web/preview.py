"""How a nudge would look with made-up facts, for whoever configures a campaign."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from portal.notifications import ChannelName, absolute, render_loyalty_nudge
from portal.nudges.cards import write
from portal.nudges.rules import NudgeRules
from portal.nudges.signals import SIGNALS, Facts, Reader
from portal.platform import clock

# The day for which the examples of signals are written.
_TOLD = datetime(2026, 11, 17, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Preview:
    """A message as its channel would deliver it; only mail has HTML and an unsubscribe link."""

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
    rules, now = NudgeRules.current(), clock.now()
    words = write(signal, _as_of(now, SIGNALS[signal].example), Reader(rules.locale, rules.zone, now))
    return {
        "title": words.title,
        "body": words.body,
        "cta_label": words.cta_label,
        "path": words.path,
        "reason": words.reason,
    }


def _as_of(now: datetime, facts: Facts) -> Facts:
    """Made-up facts moved to today: all their moments are shifted by the same number of whole days."""
    later = timedelta(days=(now - _TOLD).days)
    return {
        name: (datetime.fromisoformat(value) + later).isoformat() if name.endswith("_at") else value
        for name, value in facts.items()
    }
