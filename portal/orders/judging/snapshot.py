"""The earn snapshot: what an order was first judged by, so that the same order is judged the same for ever (R2)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.earning import Cause, Facts, Room, Rule, Terms, get_active_rules, get_versions, read_room
from portal.orders.rules import OrderRules
from portal.orders.state import REACHED, OrderStatus
from portal.platform import ids
from portal.platform.documents import Document

SOURCE = "order"

# `first`: no other order of theirs earns, or has earned and not been given back whole. A user who `joins` begins in the
# tier that needs no points.
_MEMBER = text("""
    SELECT t.slug AS tier, t.name, (
               SELECT max(CAST(b ->> 'value' AS numeric))::text FROM jsonb_array_elements(t.benefits) b
               WHERE b ->> 'kind' = 'earn_multiplier') AS multiplier,
           NOT EXISTS (SELECT FROM loyalty_orders o
                       WHERE o.member_id = m.id AND o.stands AND o.reference <> :reference) AS first
    FROM (SELECT id, tier_id FROM loyalty_members WHERE id = :member_id
          UNION ALL
          SELECT CAST(:member_id AS uuid), (SELECT id FROM loyalty_tiers WHERE active AND threshold = 0) WHERE :joins) m
    LEFT JOIN loyalty_tiers t ON t.id = m.tier_id
""")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The rules and facts that an order is judged by, from its first earning state on.

    Days are from `pending_from`; months are the life of points for rules that do not say their own (0: for ever).
    """

    rules: tuple[Rule, ...]
    facts: Facts
    terms: Terms
    zone: ZoneInfo
    tier_name: str
    earn_status: OrderStatus
    pending_days: int
    pending_from: OrderStatus
    pending_max_days: int
    expiry_months: int
    taken_at: datetime

    def earns(self, status: OrderStatus) -> bool:
        """Whether an order of this status earns."""
        return REACHED[status] >= REACHED[self.earn_status]

    def activates_at(self, rule: Rule, dates: Mapping[OrderStatus, datetime]) -> datetime:
        """When points of the rule become active, by when the order was placed, paid and fulfilled.

        While it has not come to `pending_from`, that is `pending_max_days` after it was placed.
        """
        days = self.pending_days if rule.terms.pending_days is None else rule.terms.pending_days
        since = dates.get(self.pending_from)
        if since is None:
            return dates[OrderStatus.PLACED] + timedelta(days=self.pending_max_days)
        return since + timedelta(days=days)

    def months(self, rule: Rule) -> int:
        """How many months points of the rule live; 0: for ever."""
        if "expiry_months" in rule.terms.model_fields_set:
            return rule.terms.expiry_months or 0
        return self.expiry_months

    def document(self) -> Document:
        """The snapshot as it is stored; its rules by slug and version."""
        return {
            "rules": [[rule.slug, rule.version] for rule in self.rules],
            "tier": self.facts.tier,
            "multiplier": str(self.facts.tier_multiplier) if self.facts.tier_multiplier is not None else None,
            "first": self.facts.first_order,
            "room": {
                slug: [room.member_points, room.member_times, room.programme] for slug, room in self.facts.room.items()
            },
            "terms": [
                self.terms.currency,
                self.terms.on_tax,
                self.terms.on_shipping,
                self.terms.on_points_part,
                self.terms.on_gift_card_part,
            ],
            "zone": self.zone.key,
            "tierName": self.tier_name,
            "earnStatus": self.earn_status,
            "pendingDays": self.pending_days,
            "pendingFrom": self.pending_from,
            "pendingMaxDays": self.pending_max_days,
            "expiryMonths": self.expiry_months,
            "takenAt": self.taken_at.isoformat(),
        }


def take_snapshot(
    session: Session,
    reference: str,
    member_id: UUID | None,
    placed_at: datetime,
    rules: OrderRules,
    now: datetime,
    *,
    writes: bool = True,
) -> Snapshot:
    """The rules in force now and what is known of the member (None: somebody without tier; `NO_ID`: a new one).

    With `writes` the caller holds the member's row lock, and limits of the programme are locked too.
    """
    found = get_active_rules()
    cause = Cause(member_id or ids.NO_ID, SOURCE, reference, placed_at)  # nobody has used anything of a limit yet
    room = read_room(session, cause, found, rules.points.zone, writes=writes)
    facts, tier_name = Facts(first_order=True, room=room), ""
    if member_id is not None:
        values = {"member_id": member_id, "joins": member_id == ids.NO_ID, "reference": reference}
        member = session.execute(_MEMBER, values).one()
        multiplier = None if member.multiplier is None else Fraction(member.multiplier)
        facts, tier_name = Facts(member.tier, multiplier, member.first, room), member.name or ""
    return Snapshot(
        tuple(found),
        facts,
        rules.terms,
        rules.points.zone,
        tier_name,
        rules.earn_status,
        rules.pending_days,
        rules.pending_from,
        rules.pending_max_days,
        rules.points.expire_after_months,
        now,
    )


def _named_rules(document: Document) -> list[tuple[str, int]]:
    """The versions of rules that a stored snapshot names, each by slug and version."""
    return [(slug, version) for slug, version in document["rules"]]


def learn_rules(known: dict[tuple[str, int], Rule], snapshots: Iterable[Document]) -> None:
    """Read the versions of rules that these stored snapshots name, and that are not known yet."""
    missing = {named for snapshot in snapshots for named in _named_rules(snapshot)} - known.keys()
    if missing:
        known |= {(rule.slug, rule.version): rule for rule in get_versions(sorted(missing))}


def load_snapshot(document: Document, known: Mapping[tuple[str, int], Rule] | None = None) -> Snapshot:
    """A stored snapshot, with the versions of the rules that it names: read, or taken from those that are known."""
    named = _named_rules(document)
    rules = get_versions(named) if known is None else [known[each] for each in named]
    facts = Facts(
        document["tier"],
        None if document["multiplier"] is None else Fraction(document["multiplier"]),
        document["first"],
        {slug: Room(*room) for slug, room in document["room"].items()},
    )
    return Snapshot(
        tuple(rules),
        facts,
        Terms(*document["terms"]),
        ZoneInfo(document["zone"]),
        document["tierName"],
        OrderStatus(document["earnStatus"]),
        document["pendingDays"],
        OrderStatus(document["pendingFrom"]),
        document["pendingMaxDays"],
        document["expiryMonths"],
        datetime.fromisoformat(document["takenAt"]),
    )


def narrow(snapshot: Snapshot, room: Mapping[str, Room]) -> Snapshot:
    """The snapshot with no more room under limits than it had, nor than other orders have left since."""
    rooms = {slug: _least(mine, room.get(slug, Room())) for slug, mine in snapshot.facts.room.items()}
    return replace(snapshot, facts=replace(snapshot.facts, room=rooms))


def _least(one: Room, other: Room) -> Room:
    return Room(
        _smaller(one.member_points, other.member_points),
        _smaller(one.member_times, other.member_times),
        _smaller(one.programme, other.programme),
    )


def _smaller(one: int | None, other: int | None) -> int | None:
    return min((each for each in (one, other) if each is not None), default=None)
