"""The kinds of messages, declared once: whether members may refuse them, and which channels they use."""

from dataclasses import dataclass

from portal.notifications.models import ChannelName

EMAIL, SMS, PUSH = ChannelName.EMAIL, ChannelName.SMS, ChannelName.PUSH


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of message. Its templates are `messages/NAME.txt` and `messages/NAME.html`.

    A `marketing` kind needs the person's consent, may be muted and waits for the end of quiet hours; any other is sent
    regardless. It uses the first of `channels` that the person allows and can be reached by. Only a kind that
    `proves_address` goes to an unverified address: it has a link that works for whoever reads that mail.
    """

    name: str
    label: str
    marketing: bool
    channels: tuple[ChannelName, ...]
    proves_address: bool = False


KINDS: dict[str, Kind] = {}


def declare(kind: Kind) -> Kind:
    """Register a kind. To add one, call this and write its two templates."""
    if KINDS.setdefault(kind.name, kind) != kind:
        raise ValueError(f"{kind.name} is declared twice")
    return kind


TIER_UPGRADE = declare(Kind("tier_upgrade", "A new tier that you have reached", True, (EMAIL, PUSH, SMS)))
NUDGE = declare(Kind("nudge", "Reminders about points, rewards and invites", True, (EMAIL, SMS, PUSH)))
PASSWORD_RESET = declare(
    Kind("password_reset", "A link to choose a new password", False, (EMAIL,), proves_address=True)
)
VERIFY_ADDRESS = declare(Kind("verify_address", "A link to confirm your address", False, (EMAIL,), proves_address=True))
ADDRESS_KNOWN = declare(Kind("address_known", "Somebody tried to join with your address", False, (EMAIL,)))
ACCOUNT_NOTICE = declare(Kind("account_notice", "What somebody did to your account", False, (EMAIL,)))
REFERRAL_INVITE = declare(Kind("referral_invite", "An invitation from a member", True, (EMAIL, SMS)))

# The kinds that a member can switch off on the preferences page.
CHOICES = (TIER_UPGRADE, NUDGE)
