"""The wording of each type of ledger entry: one table for the hub, the consoles and the API document."""

from dataclasses import dataclass

from portal.ledger.models import EntryType
from portal.platform.documents import Document
from portal.platform.formatting import grouped


@dataclass(frozen=True, slots=True)
class EntryLabels:
    """The wording of one type; `{what}` stands for the entry's description.

    `description` describes an entry about which nobody wrote anything; `{order}` stands for the order's reference, and
    `without_order` is used instead where an entry of such a type has none.
    `title` is for the member, who reads the description below it where the type is `detailed`. `came` and `went` end
    the sentences "87 points came in …" and "87 points …" for operators.
    """

    description: str
    title: str
    came: str
    went: str
    detailed: bool = False
    without_order: str | None = None


LABELS: dict[str, EntryLabels] = {
    EntryType.ORDER: EntryLabels(
        "Order {order}", "Points for your order", "for “{what}”", "were taken back for “{what}”", detailed=True
    ),
    EntryType.REFERRAL_BONUS: EntryLabels(
        "Referral conversion bonus",
        "A friend you invited joined",
        "for a friend who joined",
        "given for a friend were taken back",
    ),
    EntryType.REFERRAL_WELCOME: EntryLabels(
        "Referral welcome bonus",
        "Welcome gift",
        "as a welcome, invited by a friend",
        "given as a welcome were taken back",
    ),
    EntryType.STREAK_BONUS: EntryLabels(
        "Weekly streak bonus",
        "Bonus for shopping week after week",
        "as the bonus of a streak of weeks",
        "of a streak’s bonus were taken back",
    ),
    EntryType.REDEMPTION: EntryLabels("Redemption", "Redeemed: {what}", "back from “{what}”", "were spent on “{what}”"),
    EntryType.EXPIRATION: EntryLabels(
        "Points expired", "Points ran out of time", "back after they expired", "reached their date and expired"
    ),
    EntryType.ADJUSTMENT: EntryLabels(
        "Adjustment",
        "Corrected by the shop",
        "by an adjustment: “{what}”",
        "were taken away by an adjustment: “{what}”",
        detailed=True,
    ),
    EntryType.REVERSAL: EntryLabels(
        "Order {order}",
        "Points corrected",
        "back: “{what}”",
        "were taken back: “{what}”",
        detailed=True,
        without_order="Correction",
    ),
    EntryType.RECOVERY: EntryLabels(
        "Points owed, settled", "Settled from points owed", "back after they settled a debt", "settled what was owed"
    ),
    EntryType.EVENT: EntryLabels(
        "Bonus for an event", "A bonus for you", "for something they did", "given for an event were taken back"
    ),
    EntryType.BIRTHDAY: EntryLabels(
        "Birthday bonus", "Happy birthday", "for their birthday", "given for a birthday were taken back"
    ),
    EntryType.SIGN_UP: EntryLabels(
        "Welcome bonus", "Thank you for joining", "for joining", "given for joining were taken back"
    ),
}
# For a type that is in the database but unknown to this version of the portal.
UNKNOWN = EntryLabels("Points", "Points changed", "for “{what}”", "were taken for “{what}”", detailed=True)


# The parts of a reversal that it could not take.
MISSING = (
    ("expired", "{0} had expired already"),
    ("owed", "{0} could not be and {1} owed"),
    ("writtenOff", "{0} could not be and {1} not asked for"),
)
# Of a balance that came from a file.
IMPORTED = "Opening balance"


def labels_of(entry_type: str) -> EntryLabels:
    """The wording of a type; a generic one if the type is unknown."""
    return LABELS.get(entry_type, UNKNOWN)


def describe_shortfall(metadata: Document) -> str:
    """What a reversal could not take, to follow what it took: “; 380 could not be and are owed”. Empty: nothing."""
    parts: dict[str, int] = metadata.get("takes", {})
    said = [
        words.format(grouped(parts[part]), "is" if parts[part] == 1 else "are")
        for part, words in MISSING
        if part in parts
    ]
    return f"; {', '.join(said)}" if said else ""


def describe_types() -> str:
    """Every type in a sentence, for the API document."""
    return "; ".join(f"`{kind}`: {words.title.partition(':')[0].lower()}" for kind, words in LABELS.items())
