"""Booking an order: from its target to grants, pending credits, ledger entries and figures.

The caller holds the order's row lock; the lock of its member is taken here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import ledger
from portal.earning import (
    Cause,
    Granted,
    Reason,
    Rule,
    RuleKind,
    facts_of,
    free_entitlements,
    get_grants,
    lock_totals,
    read_room,
    round_half_up,
    spread,
    take_entitlement,
    write_grants,
)
from portal.ledger import EntryType
from portal.members import Member
from portal.orders.judging.snapshot import SOURCE, Snapshot, load_snapshot, narrow, take_snapshot
from portal.orders.judging.targets import NoPoints, Target, compute_target
from portal.orders.models import Order
from portal.orders.rules import OrderRules
from portal.orders.state import OrderInput, OrderStatus, StoredRefund, load_state, store_refund
from portal.platform.clock import week_of
from portal.platform.documents import Document
from portal.tiers import Upgrade

ONCE = "once"
NEVER_STOOD = (NoPoints.TEST_ORDER, NoPoints.CANCELLED, NoPoints.NOT_PAID)


class Warned(NamedTuple):
    """Something that was not refused and should be known: its code, and what it is about."""

    code: str
    what: str = ""


class Returned(NamedTuple):
    """Points of a redemption that came back, and until when they live (None: for ever)."""

    redemption_id: str
    points: int
    expires_at: datetime | None


@dataclass(slots=True)
class Booked:
    """The ledger entries written now, the tier upgrades that they caused, and the facts of each grant by rule.

    `taken` says where what was taken back came from; `returned` what came back of redemptions, until when;
    `refunded_at` when the latest of the refunds that are booked now was made (None: there is no new one).
    """

    entries: list[ledger.Entry] = field(default_factory=list)
    upgrades: list[Upgrade] = field(default_factory=list)
    grants: Document = field(default_factory=dict)
    taken: list[ledger.Taken] = field(default_factory=list)
    returned: list[Returned] = field(default_factory=list)
    refunded_at: datetime | None = None


def book(session: Session, order: Order, now: datetime, rules: OrderRules) -> Booked:
    """Grant or take back what the order's state says that it should have granted, and has not."""
    state, refunds = load_state(order.content, order.refunds)
    member = _lock(session, order.member_id)
    why = _refused(order, member)
    snapshot = _judge_by(session, order, state, member if why is None else None, now, rules)
    if snapshot is None or member is None:
        _note(order, state, None, why or NoPoints.NOT_PAID)
        return Booked()
    cause = Cause(member.id, SOURCE, order.reference, order.placed_at, order.episode)
    target = compute_target(state, refunds, snapshot)
    change = _Change(session, order, cause, snapshot, target, now, rules)
    wanted = change.choose(why)
    change.carry_out(wanted)
    dropped = NoPoints.EXPIRED if order.history else Reason.LIMIT_REACHED
    order.refunds = _tell_refunds(state, refunds, snapshot, target)
    _note(order, state, target, _why(target, wanted, why, target.reason or dropped))
    return change.booked


def _why(
    target: Target, wanted: Mapping[str, int], refused: NoPoints | None, otherwise: Reason | NoPoints
) -> Reason | NoPoints | None:
    """Why the order earns nothing, or less than it should while its member is suspended."""
    if refused is NoPoints.MEMBER_SUSPENDED and sum(wanted.values()) < target.points:
        return refused
    return None if any(wanted.values()) else refused or otherwise


def take_all_back(session: Session, order: Order, now: datetime, rules: OrderRules) -> Booked:
    """Take back all that the order has granted its member, as it gets another one; what it was judged by is dropped."""
    if order.member_id is None or order.snapshot is None:
        return Booked()
    lock_totals(session)
    state, refunds = load_state(order.content, order.refunds)
    cause = Cause(order.member_id, SOURCE, order.reference, order.placed_at, order.episode)
    snapshot = load_snapshot(order.snapshot)
    change = _Change(session, order, cause, snapshot, compute_target(state, refunds, snapshot), now, rules)
    change.carry_out(dict.fromkeys(change.known, 0))
    order.snapshot = None
    return change.booked


def _lock(session: Session, member_id: UUID | None) -> Member | None:
    if member_id is None:
        return None
    mine = select(Member).where(Member.id == member_id).with_for_update()
    return session.scalars(mine.execution_options(populate_existing=True)).one()


def _refused(order: Order, member: Member | None) -> NoPoints | None:
    """Why the order may not earn now, whatever it contains."""
    if order.test:
        return NoPoints.TEST_ORDER
    if order.status == OrderStatus.CANCELLED:
        return NoPoints.CANCELLED
    if member is None:
        return NoPoints.NO_MEMBER
    return NoPoints.MEMBER_SUSPENDED if member.status == "suspended" else None


def _judge_by(
    session: Session, order: Order, state: OrderInput, member: Member | None, now: datetime, rules: OrderRules
) -> Snapshot | None:
    """The order's snapshot, with no more room under limits than is left now; taken, if the order earns from now on."""
    if order.snapshot is not None and order.member_id is not None:
        snapshot = load_snapshot(order.snapshot)
        cause = Cause(order.member_id, SOURCE, order.reference, order.placed_at, order.episode)
        return narrow(snapshot, read_room(session, cause, snapshot.rules, snapshot.zone, writes=True))
    if member is None or not rules.earns(state.status):
        return None
    snapshot = take_snapshot(session, order.reference, member.id, order.placed_at, rules, now)
    order.snapshot = snapshot.document()
    return snapshot


def _tell_refunds(state: OrderInput, refunds: list[StoredRefund], snapshot: Snapshot, target: Target) -> list[Document]:
    """The refunds, each with the points that it took: of new ones what they took together, by what each gave back."""
    new = _find_new(target)
    if not new:
        return [store_refund(refund) for refund in refunds]
    before = compute_target(state, [refund for refund in refunds if not refund.is_new], snapshot)
    shares = spread(max(before.points - target.points, 0), [applied for _, applied in new])
    points = {refund.refund_id: share for (refund, _), share in zip(new, shares, strict=True)}
    return [
        store_refund(refund.model_copy(update={"points": points.get(refund.refund_id, refund.points)}))
        for refund in refunds
    ]


def _find_new(target: Target) -> list[tuple[StoredRefund, int]]:
    """The refunds that are booked now, each with how much it gave back."""
    found = ((each.refund, each.applied) for each in target.remaining.refunds)
    return [(refund, applied) for refund, applied in found if isinstance(refund, StoredRefund) and refund.is_new]


def _note(order: Order, state: OrderInput, target: Target | None, why: Reason | NoPoints | None) -> None:
    """Keep the order's figures: what counts of it, whether it stands, why it earns nothing, what to know about it."""
    basis = None if target is None else target.basis
    order.basis = None if basis is None else round_half_up(basis)
    order.reasons = [] if why is None else [why.value]
    order.stands = target is not None and target.remaining.has_goods(state) and why not in NEVER_STOOD
    if target is not None:
        found = [Warned("unknown_line", line_id) for line_id in target.remaining.missing]
        found += [
            Warned("refund_exceeds_order", each.refund.refund_id) for each in target.remaining.refunds if each.unapplied
        ]
        kept = [each for each in order.warnings if each["code"] not in ("unknown_line", "refund_exceeds_order")]
        order.warnings = kept + [warned._asdict() for warned in found]


class _Change:
    """The difference between what an order should have granted and what it has, while it is booked."""

    def __init__(
        self,
        session: Session,
        order: Order,
        cause: Cause,
        snapshot: Snapshot,
        target: Target,
        now: datetime,
        rules: OrderRules,
    ) -> None:
        self.session, self.order, self.cause, self.now, self.rules = session, order, cause, now, rules
        self.snapshot, self.target = snapshot, target
        dated = max((refund.dated for refund, _ in _find_new(target)), default=None)
        self.booked = Booked(refunded_at=None if dated is None else min(dated, now))
        self.known: Mapping[str, Granted] = get_grants(session, cause)
        self.grants = {grant.rule.slug: grant for grant in target.grants}
        versions = {rule.slug: rule for rule in snapshot.rules}
        self.by_slug: dict[str, Rule] = {slug: versions[slug] for slug in {*self.known, *self.grants}}
        tier = snapshot.facts.tier_multiplier, snapshot.tier_name
        self.booked.grants = {slug: facts_of(grant, target.evaluation, *tier) for slug, grant in self.grants.items()}

    def choose(self, why: NoPoints | None) -> dict[str, int]:
        """The points that each rule should have granted now.

        A suspended member gets nothing more; a grant for a first order is dropped if another order has it. Of history,
        what would have expired by now is not granted.
        """
        wanted = {slug: self.grants[slug].points if slug in self.grants else 0 for slug in self.by_slug}
        if why is NoPoints.TEST_ORDER:
            return dict.fromkeys(wanted, 0)
        if why is NoPoints.MEMBER_SUSPENDED:
            return {slug: min(points, self._net(slug)) for slug, points in wanted.items()}
        if self.order.history:
            wanted = {slug: 0 if self._has_expired(slug) else points for slug, points in wanted.items()}
        for slug, points in wanted.items():
            is_first = self.by_slug[slug].terms.kind is RuleKind.FIRST_ORDER
            if points and is_first and not take_entitlement(self.session, self.cause, slug, ONCE, self.now):
                wanted[slug] = 0
        return wanted

    def _has_expired(self, slug: str) -> bool:
        until = self.rules.points.expiry_after(self.order.placed_at, self.snapshot.months(self.by_slug[slug]))
        return slug not in self.known and until is not None and until <= self.now

    def carry_out(self, wanted: Mapping[str, int]) -> None:
        """Grant what is missing and take back what is too much, and keep what each rule has granted."""
        changes = {slug: points - self._net(slug) for slug, points in sorted(wanted.items())}
        reach = self._reach()
        raised = {slug: points for slug, points in changes.items() if points > 0}
        taken = self._plan(changes, reach)
        postings = [self._posting(slug, points, reach) for slug, points in raised.items()]
        waiting = [each for each in postings if isinstance(each, ledger.PendingCredit)]
        for plan in taken:
            for effect, points in plan.pending.items():
                ledger.shrink(self.session, self.cause.member_id, SOURCE, self.cause.external_id, effect, points)
        if waiting:
            ledger.put_aside(self.session, waiting, self.now)
        back = [plan for plan in taken if plan.posted]
        now = [each for each in postings if isinstance(each, ledger.Posting)]
        if any(plan.owed for plan in back):
            self._post((), back)  # first, so that what is granted at the same time pays what is owed
            self._post(now)
        else:
            self._post(now, back)
        self._reschedule(reach)
        self._keep(changes)
        self.booked.taken += taken
        if back and not any(self._net(slug) + points for slug, points in changes.items()):
            ledger.drop_idle_week(self.session, self.cause.member_id, self.order.placed_at, self.rules.points)

    def _post(self, granted: Sequence[ledger.Posting], back: Sequence[ledger.Taken] = ()) -> None:
        """Post what is granted and what is taken back, and note what could not be taken."""
        every = [*granted, *map(self._reversal, back)]
        posted = ledger.post(self.session, every, self.now, announce=not self.order.history)
        shortfalls = [(entry.id, plan) for entry, plan in zip(posted.entries[len(granted) :], back, strict=True)]
        ledger.note_shortfalls(self.session, self.cause.member_id, shortfalls, self.now)
        self.booked.entries += posted.entries + posted.recoveries
        self.booked.upgrades += posted.upgrades

    def _is_dated_otherwise(self, slug: str) -> bool:
        return slug in self.known and self.known[slug].at != self.cause.at

    def _net(self, slug: str) -> int:
        return self.known[slug].net if slug in self.known else 0

    def _reach(self) -> ledger.Reach:
        """What can be taken back, read only where something was granted before."""
        if not self.known:
            return ledger.Reach({}, 0, (), ())
        return ledger.read_reach(self.session, self.cause.member_id, SOURCE, self.cause.external_id, self.now)

    def _plan(self, changes: Mapping[str, int], reach: ledger.Reach) -> list[ledger.Taken]:
        wanted = [
            ledger.Wanted(self._effect(slug), -points, self.by_slug[slug].terms.qualifies.tier)
            for slug, points in changes.items()
            if points < 0
        ]
        return ledger.plan_reversals(reach, wanted, self.rules.shortfall)

    def _effect(self, slug: str) -> str:
        return f"grant:{self.cause.episode}:{slug}"

    def _metadata(self, slug: str) -> Document:
        rule = self.by_slug[slug]
        change = self.order.change
        return {
            "order_reference": self.order.reference,
            "rule": rule.slug,
            "rule_version": rule.version,
            "change": change,
        }

    def _dates(self) -> dict[OrderStatus, datetime]:
        found = {
            OrderStatus.PLACED: self.order.placed_at,
            OrderStatus.PAID: self.order.paid_at,
            OrderStatus.FULFILLED: self.order.fulfilled_at,
        }
        return {status: at for status, at in found.items() if at is not None}

    def _posting(self, slug: str, points: int, reach: ledger.Reach) -> ledger.Posting | ledger.PendingCredit:
        """A credit now, or one that waits until the points become active."""
        rule, effect = self.by_slug[slug], self._effect(slug)
        at = self.snapshot.activates_at(rule, self._dates())
        waits = at > self.now and self.order.released_at is None
        if slug in self.known and not (waits and effect in reach.pending):
            effect = f"{effect}:{self.order.change}"
        counts = rule.terms.qualifies.streak and not self.order.history
        week = week_of(self.order.placed_at, self.snapshot.zone) if counts else None
        lives_from = self.order.placed_at if self.order.history else self.now
        if waits:
            return ledger.PendingCredit(
                self.cause.member_id,
                points,
                EntryType.ORDER,
                SOURCE,
                self.cause.external_id,
                effect,
                at,
                self.order.placed_at,
                rule.terms.qualifies.tier,
                week,
                self.snapshot.months(rule),
                self._metadata(slug),
            )
        return ledger.Posting(
            self.cause.member_id,
            points,
            EntryType.ORDER,
            SOURCE,
            self.cause.external_id,
            effect,
            self.now,
            self._metadata(slug),
            expires_at=self.rules.points.expiry_after(lives_from, self.snapshot.months(rule)),
            week=week,
            qualifying=points if rule.terms.qualifies.tier else 0,
            qualifies_at=self.order.placed_at,
        )

    def _reversal(self, plan: ledger.Taken) -> ledger.Posting:
        slug = slug_of(plan.effect)
        qualifies = self.by_slug[slug].terms.qualifies.tier
        return ledger.Posting(
            self.cause.member_id,
            -plan.from_lots,
            EntryType.REVERSAL,
            SOURCE,
            self.cause.external_id,
            f"reverse:{self.cause.episode}:{slug}:{self.order.change}",
            self.now,
            {**self._metadata(slug), **ledger.tell_date(self.booked.refunded_at), "takes": plan.figures()},
            takes=(*plan.own, *plan.others),
            qualifying=-plan.posted if qualifies else 0,
            qualifies_at=self.order.placed_at,
        )

    def _reschedule(self, reach: ledger.Reach) -> None:
        """Let what waits become active when the order's dates say now."""
        if reach.pending and self.order.released_at is None:
            dates = {
                effect: self.snapshot.activates_at(self.by_slug[slug_of(effect)], self._dates())
                for effect in reach.pending
                if slug_of(effect) in self.by_slug
            }
            ledger.reschedule(self.session, self.cause.member_id, SOURCE, self.cause.external_id, dates)

    def _keep(self, changes: Mapping[str, int]) -> None:
        rows = []
        for slug, points in changes.items():
            if points or self._is_dated_otherwise(slug):
                facts = self.booked.grants.get(slug) or (self.known[slug].facts if slug in self.known else {})
                rows.append((self.by_slug[slug], points, facts))
        if rows:
            write_grants(self.session, self.cause, rows, self.now)
        self.order.granted += sum(points for points in changes.values() if points > 0)
        self.order.reversed -= sum(points for points in changes.values() if points < 0)
        gone = [slug for slug, points in changes.items() if points < 0 and self._net(slug) + points == 0]
        if gone:
            free_entitlements(self.session, self.cause, gone)


def slug_of(effect: str) -> str:
    """The rule that a grant's effect names."""
    return effect.split(":")[2]
