"""A test of a campaign's message, sent to the operator so that they see it as members do."""

from dataclasses import replace

from sqlalchemy.orm import Session

from portal.notifications import NUDGE, ChannelName, Content, Recipient, render_loyalty_nudge, send_to_user
from portal.nudges.models import NudgeCampaign
from portal.nudges.web.preview import example_card
from portal.platform import audit, ids, outbox
from portal.platform.audit import Act
from portal.platform.documents import Document
from portal.platform.outbox import Claimed

TEST_TOPIC = "message.nudge_test"
MARK = "Test"


def ask_for_test(session: Session, campaign: NudgeCampaign, channel: ChannelName, user_id: str, act: Act) -> None:
    """Send the campaign's message, with made-up facts and marked as a test, to a user after the commit.

    It goes to their own address whatever their preferences are, and counts towards no cap.
    """
    payload = {"user_id": user_id, "signal": campaign.signal, "channel": channel.value, "campaign": campaign.slug}
    outbox.put(session, TEST_TOPIC, [payload])
    audit.record(
        session,
        act,
        action="nudge_campaign.test",
        object_type="nudge_campaign",
        object_id=campaign.slug,
        after={"channel": channel.value, "to": user_id},
    )


def send_test(message: Claimed) -> None:
    """Send a test; its outcome is recorded among the messages."""
    card = example_card(message.payload["signal"])
    card["title"] = f"{MARK}: {card['title']}"
    kind = replace(NUDGE, marketing=False, channels=(ChannelName(message.payload["channel"]),))

    def write(recipient: Recipient, _: str | None) -> Content:
        return render_loyalty_nudge(
            {**card, "first_name": recipient.first_name}, locale=recipient.locale, timezone=recipient.timezone
        )

    details: Document = {"test": True, "campaign": message.payload["campaign"]}
    send_to_user(f"outbox:{ids.encode(message.id)}", kind, message.payload["user_id"], write, details)
