"""The demo shop's year, day by day: people join, order, redeem, wait and let points expire."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from sqlalchemy.orm import Session

from portal import checkout, ledger, redemptions, referrals
from portal.checkout import CheckoutRules
from portal.config import Settings
from portal.earning import EventInput, EventRules, pay_birthdays, record_event, welcome
from portal.hub.demo import catalogue
from portal.hub.demo.orders import give_back, make_order
from portal.hub.member import get_or_enrol
from portal.orders import OrderInput, OrderRules, RefundInput, put_order, refund_order
from portal.platform import clock, ids
from portal.platform.audit import Act
from portal.platform.documents import Document
from portal.platform.problems import DomainError
from portal.redemptions import HoldRules, RedemptionStatus, RestoreRules
from portal.tiers import enrol

DAYS = 400
ENDINGS = {"fulfil": 0.78, "fail": 0.07, "cancel": 0.08, "forget": 0.07}
REVIEWED = 9  # every so many orders, somebody writes a review
SENT_BACK = 12  # of so many rewards that were handed over, one comes back
FAILURES = ("Inventory depleted", "Damaged on arrival at the shop", "Address could not be reached")


@dataclass
class Person:
    """A customer of the demo shop: when they join, how often they order and for how much, and their birthday if they
    have told it."""

    user_id: str
    name: str
    joins_on: int
    orders_a_week: float
    basket: int
    saves: bool
    birthday: str | None
    member_id: UUID | None = None
    balance: int = 0


@dataclass
class Waiting:
    """A redemption that the shop has not closed yet."""

    redemption_id: UUID
    closes_on: int
    ending: str


@dataclass
class Return:
    """An order of which something comes back."""

    reference: str
    order: OrderInput
    person: Person
    at: datetime


class Story:
    """The demo shop's history. The same seed gives the same story; only its dates move with the day of loading."""

    def __init__(self, people: list[Person], seed: int, settings: Settings) -> None:
        self.people = people
        self.random = Random(seed)  # noqa: S311 - a story, not a secret
        self.earning, self.holds = ledger.EarningRules.of(settings), HoldRules.of(settings)
        self.restores = RestoreRules.of(settings)
        self.checking_out, self.ordering = CheckoutRules.of(settings), OrderRules.of(settings)
        self.telling = EventRules.of(settings)
        self.referring, self.bonus = referrals.ReferralRules.of(settings), settings.streak_bonus_points
        self.open_codes: list[str] = []
        self.waiting: list[Waiting] = []
        self.fulfilled = 0
        self.returns: list[Return] = []
        self.orders = 10_000

    def live(self, session: Session, day: int, morning: datetime) -> None:
        """Play one day of all people, starting at `morning`; the caller commits."""
        moment = morning
        if day % 7 == 0:
            with clock.at(moment):
                self._tidy(session, moment)
        for person in self.people:
            moment += timedelta(minutes=self.random.randint(3, 14))
            with clock.at(moment):
                self._visit(session, person, day, moment)
        with clock.at(moment):
            self._take_back(session, moment)
            self._close(session, day, moment)
            while pay_birthdays(session, moment, rules=self.earning):
                continue

    def end(self, session: Session, person: Person, moment: datetime) -> None:
        """Give the demo member open invites, open requests points that expire soon, and others checkouts or debts."""
        for person_owing in self.people[4:7]:
            self._spend_and_return(session, person_owing, moment - timedelta(hours=1))
        self._refund_oddly(session, self.people[7], moment - timedelta(minutes=30))
        for _ in range(2):
            self._invite(session, person, moment)
        for slug in ("free-delivery", "espresso-shot"):
            wish = redemptions.Wish(slug)
            redemptions.reserve_points(
                session, person.user_id, wish, Act(f"user:{person.user_id}", moment), rules=self.holds
            )
        for person_waiting in self.people[:6]:
            self._check_out(session, person_waiting, moment)
        self._treat(session, person, moment + timedelta(minutes=5), days=12)
        self._order_oddly(session, person, moment)
        self._tidy(session, moment)

    def _order_oddly(self, session: Session, person: Person, moment: datetime) -> None:
        """Orders that earn nothing yet, or nothing at all, each for another reason."""
        odd: list[tuple[str | None, Document]] = [
            (person.user_id, {"status": "placed", "paidAt": None}),
            (None, {"email": "guest@example.com"}),
            (self.people[1].user_id, {"currency": "SEK"}),
            (self.people[2].user_id, {"status": "cancelled"}),
            (self.people[3].user_id, {"test": True}),
        ]
        for user_id, fields in odd:
            self.orders += 1
            order = make_order(self.random, user_id, 40, moment, **fields)
            put_order(session, f"#{self.orders}", order, Act("token:demo-shop", moment), self.ordering)

    def _spend_and_return(self, session: Session, person: Person, moment: datetime) -> None:
        """An order whose points are spent before it is returned: they are owed, and the next order pays a part."""
        order, ten = make_order(self.random, person.user_id, 90, moment), timedelta(minutes=10)
        reference = f"#{self.orders + 1}"
        self._tell(session, reference, order, person, moment)
        wish = redemptions.Wish(points=get_or_enrol(person.user_id)["available"], description="Paid at the till")
        act = Act("token:demo-shop", moment)
        spent = redemptions.reserve_points(session, person.user_id, wish, act, rules=self.holds)
        redemptions.fulfill_redemption(session, spent.id, act)
        returned = give_back(order, f"{reference}-1", moment + ten, lines=None)
        self._tell(session, reference, returned, person, moment + ten)
        later = make_order(self.random, person.user_id, 15, moment + 2 * ten)
        self.orders += 2
        self._tell(session, f"#{self.orders}", later, person, moment + 2 * ten)

    def _refund_oddly(self, session: Session, person: Person, moment: datetime) -> None:
        """An order paid with points and sent back in part, for more than it cost, and refunds without an order."""
        self._treat(session, person, moment)
        act = Act("token:demo-shop", moment)
        wish = redemptions.Wish(points=20, description="Paid at the till")
        paid = redemptions.reserve_points(session, person.user_id, wish, act, rules=self.holds)
        redemptions.fulfill_redemption(session, paid.id, act)
        tender = {"kind": "points", "amount": 200, "redemptionId": ids.encode(paid.id)}
        self.orders += 1
        reference = f"#{self.orders}"
        order = make_order(self.random, person.user_id, 60, moment, tenders=[tender])
        self._tell(session, reference, order, person, moment)
        first = order.lines[0]
        parts = [{"lineId": first.line_id, "amount": first.amount + 500}]
        refund_order(session, reference, RefundInput(refund_id=f"{reference}-1", lines=parts), act, self.ordering)
        for days in (2, 40):
            early = Act("token:demo-shop", moment - timedelta(days=days))
            lost = RefundInput(refund_id=f"till-{days}", amount=1_990)
            refund_order(session, f"till-{days}", lost, early, self.ordering)

    def _check_out(self, session: Session, person: Person, moment: datetime) -> None:
        """Leave a checkout with a planned reward and a planned referral share."""
        self.orders += 1
        parts = (
            checkout.Part(checkout.REDEMPTION, f"{self.orders}-reward", "web", "five-off"),
            checkout.Part(checkout.SHARE, f"{self.orders}-share", "web"),
        )
        plan = checkout.Checkout(checkout.Action.PLAN, f"#{self.orders}", parts, timedelta(days=30))
        checkout.sync_intents(
            session, person.user_id, plan, Act("token:demo-storefront", moment), rules=self.checking_out
        )

    def _visit(self, session: Session, person: Person, day: int, moment: datetime) -> None:
        if day == person.joins_on:
            self._join(session, person, moment)
        if person.member_id is None:
            return
        if day % 45 == 20 and self.random.random() < 0.5:
            self._treat(session, person, moment)
        if self.random.random() < person.orders_a_week / 7:
            self._order(session, person, moment)
        if self.random.random() < 0.008:
            self._invite(session, person, moment)
        if self.random.random() < (0.02 if person.saves else 0.08):
            self._redeem(session, person, day, moment)

    def _join(self, session: Session, person: Person, moment: datetime) -> None:
        """Become a member, about every other time through a friend's link."""
        person.member_id = enrol(session, person.user_id).id
        welcome(session, person.user_id, moment, self.earning)
        if not self.open_codes or self.random.random() < 0.5:
            return
        code = self.open_codes.pop(self.random.randrange(len(self.open_codes)))
        order = referrals.Order(f"first-{person.user_id}")
        with suppress(DomainError), session.begin_nested():  # the invite may have expired
            referrals.complete_referral(
                session,
                code,
                person.user_id,
                order,
                Act("token:demo-storefront", moment),
                rules=self.referring,
                earning=self.earning,
            )

    def _invite(self, session: Session, person: Person, moment: datetime) -> None:
        invite = referrals.issue_invite(
            session, person.user_id, referrals.Invitation(), Act("user:demo-operator", moment), rules=self.referring
        )
        if self.random.random() < 0.7:  # the others never pass their link on
            self.open_codes.append(invite.code)

    def _order(self, session: Session, person: Person, moment: datetime) -> None:
        self.orders += 1
        euros = max(5, round(self.random.gauss(person.basket, person.basket / 3)))
        order = make_order(self.random, person.user_id, euros, moment)
        self._tell(session, f"#{self.orders}", order, person, moment)
        if self.orders % REVIEWED == 0:
            event = EventInput(event_id=f"review-{self.orders}", user_id=person.user_id, type="review", attributes={})
            record_event(session, event, Act("token:demo-shop", moment), self.telling)
        if self.random.random() < 0.05:
            self.returns.append(Return(f"#{self.orders}", order, person, moment + timedelta(days=6)))

    def _tell(self, session: Session, reference: str, order: OrderInput, person: Person, moment: datetime) -> None:
        taken = put_order(session, reference, order, Act("token:demo-shop", moment), self.ordering)
        if taken.booked.entries:
            person.balance = taken.booked.entries[-1].balance_after

    def _take_back(self, session: Session, moment: datetime) -> None:
        """Refund the first line of the orders that were sent back some days ago."""
        due = [each for each in self.returns if each.at <= moment]
        for each in due:
            self.returns.remove(each)
            order = give_back(each.order, f"{each.reference}-1", moment)
            self._tell(session, each.reference, order, each.person, moment)

    def _treat(self, session: Session, person: Person, moment: datetime, days: int = 60) -> None:
        posted = ledger.adjust_points(
            session,
            person.member_id or UUID(int=0),
            self.random.choice((30, 50, 75)),
            Act("user:demo-operator", moment, f"A little thank-you, good for {days} days"),
            rules=self.earning,
            expires_at=moment + timedelta(days=days),
            metadata={"campaign": "thank-you"},
        )
        person.balance = posted.entries[0].balance_after

    def _redeem(self, session: Session, person: Person, day: int, moment: datetime) -> None:
        wanted = [reward for reward in catalogue.REWARDS if reward["points_cost"] <= person.balance]
        if not wanted:
            return
        wish = redemptions.Wish(self.random.choice(wanted)["slug"])
        try:
            with session.begin_nested():
                redemption = redemptions.reserve_points(
                    session, person.user_id, wish, Act("token:demo-storefront", moment), rules=self.holds
                )
        except DomainError:
            return  # the reward may be out of stock or need a higher tier
        ending = self.random.choices(list(ENDINGS), list(ENDINGS.values()))[0]
        self.waiting.append(Waiting(redemption.id, day + self.random.randint(1, 5), ending))

    def _close(self, session: Session, day: int, moment: datetime) -> None:
        due = [w for w in self.waiting if w.closes_on <= day and w.ending != "forget"]
        for waiting in due:
            self.waiting.remove(waiting)
            if waiting.ending in ("fulfil", "refund"):
                self._hand_over(session, waiting, day, moment)
                continue
            failed = waiting.ending == "fail"
            redemptions.release_redemption(
                session,
                waiting.redemption_id,
                RedemptionStatus.FAILED if failed else RedemptionStatus.CANCELLED,
                Act("user:demo-operator", moment, self.random.choice(FAILURES) if failed else "Changed my mind"),
            )

    def _hand_over(self, session: Session, waiting: Waiting, day: int, moment: datetime) -> None:
        """Fulfil a request, or refund it some days later."""
        if waiting.ending == "refund":
            act = Act("user:demo-operator", moment, "Sent back unused")
            redemptions.refund_redemption(session, waiting.redemption_id, act, self.restores)
            return
        redemptions.fulfill_redemption(session, waiting.redemption_id, Act("user:demo-operator", moment))
        self.fulfilled += 1
        if self.fulfilled % SENT_BACK == 0:
            self.waiting.append(Waiting(waiting.redemption_id, day + 6, "refund"))

    def _tidy(self, session: Session, moment: datetime) -> None:
        """Do what the scheduled jobs would do."""
        while ledger.activate_due(session, moment, rules=self.earning):
            continue
        while ledger.expire_scheduled_points(session, moment):
            continue
        while redemptions.cancel_stale_holds(session, moment):
            continue
        while ledger.grant_weekly_streak_bonuses(session, moment, points=self.bonus, rules=self.earning):
            continue
        while referrals.expire_invites(session, moment):
            continue
