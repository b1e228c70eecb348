"""Load the demo shop: its tiers, earning rules and rewards, its people and their year."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date, datetime, timedelta
from random import Random

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.accounts import (
    DEMO_PASSWORD,
    Origin,
    User,
    change_consent,
    create_user,
    drop_password,
    hash_password,
    put_birthday,
    verify_password,
)
from portal.analytics import capture_details, capture_month, capture_snapshot, months_until
from portal.config import Settings
from portal.earning import RuleTerms, put_rule
from portal.hub.demo import catalogue
from portal.hub.demo.story import DAYS, Person, Story
from portal.platform import audit, clock, outbox
from portal.platform.audit import Act
from portal.rewards import put_reward
from portal.tiers import close_all, put_tier

SEED = 20_240_304
PEOPLE = 46
PASSWORD = DEMO_PASSWORD  # printed at every start of a demo
SIGN_INS = (
    ("member", "ada@example.com", "demo-ada", "Ada Andersson"),
    ("operator", "olu@example.com", "demo-operator", "Olu Operator"),
    ("admin", "amy@example.com", "demo-admin", "Amy Admin"),
)
NOTICE = "\n".join(f"{role:<9} {email:<18} {DEMO_PASSWORD}" for role, email, _, _ in SIGN_INS)

CONSENT = Origin("import", "demo")

UnitOfWork = Callable[[], AbstractContextManager[Session]]


class NotEmpty(Exception):
    """The database has users already: demo data goes into an empty one only."""


def load_demo(unit_of_work: UnitOfWork, settings: Settings) -> None:
    """Fill an empty portal through the services, in one transaction: a load that was interrupted can be repeated.

    :raises NotEmpty: if there are users already.
    """
    start = clock.now() - timedelta(days=DAYS)
    start = start.replace(hour=8, minute=0, second=0, microsecond=0)
    people = list(_people(Random(SEED)))  # noqa: S311 - a story, not a secret
    story = Story(people, SEED, settings)
    moment = start + timedelta(days=DAYS - 1, hours=12)
    with unit_of_work() as session:
        if session.scalar(select(func.count()).select_from(User)):
            raise NotEmpty("The database has users already; demo data goes into an empty one only.")
        with clock.at(start):
            _furnish(session, people)
        for day in range(DAYS):
            if day:
                _capture(session, start + timedelta(days=day - 1), settings)
            story.live(session, day, start + timedelta(days=day))
        with clock.at(moment):
            story.end(session, people[0], moment)
            close_all(session, moment)
            outbox.close_pending(session)  # messages about the story's events are not sent
        _capture(session, start + timedelta(days=DAYS - 1), settings, details=True)


def close_demo(session: Session) -> list[str]:
    """Remove the publicly known password from the demo's sign-ins that still have it; returns their addresses.

    They are signed out. `users create` makes an admin; a reset link reopens an account for whoever reads its mail.
    """
    closed = []
    for _, email, user_id, _ in SIGN_INS:
        user = session.get(User, user_id, with_for_update=True)
        if user is not None and verify_password(user, DEMO_PASSWORD):
            drop_password(session, user)
            audit.record(
                session, Act("cli", clock.now()), action="user.close_demo", object_type="user", object_id=user_id
            )
            closed.append(email)
    return closed


def _capture(session: Session, day: datetime, settings: Settings, *, details: bool = False) -> None:
    """Capture the snapshot of the night that ends this day, as the nightly job would, so that each covers one day."""
    night = (day + timedelta(days=1)).astimezone(settings.programme_timezone).replace(hour=0, minute=0)
    moment = night.astimezone(day.tzinfo)
    with clock.at(moment):
        capture_snapshot(session, moment, settings.programme_timezone)
        if details:
            capture_details(session, moment, settings.programme_timezone, settings.programme_currency)
            for month in months_until(moment, settings.programme_timezone):
                capture_month(session, moment, settings.programme_timezone, month)


def _furnish(session: Session, people: list[Person]) -> None:
    for tier in catalogue.TIERS:
        put_tier(
            session, tier["slug"], {k: v for k, v in tier.items() if k != "slug"}, Act("user:demo-admin", clock.now())
        )
    for rule in catalogue.EARNING_RULES:
        terms = RuleTerms.model_validate({k: v for k, v in rule.items() if k != "slug"})
        put_rule(session, rule["slug"], terms, Act("user:demo-admin", clock.now()))
    for reward in catalogue.REWARDS:
        put_reward(
            session,
            reward["slug"],
            {k: v for k, v in reward.items() if k != "slug"},
            Act("user:demo-admin", clock.now()),
        )
    for role, email, user_id, name in SIGN_INS:
        user = create_user(session, user_id=user_id, email=email, name=name, role=role)
        user.password_hash = hash_password(PASSWORD)  # too well known for a user to choose
        change_consent(session, user_id, True, CONSENT)
    for number, person in enumerate(people[1:], 1):
        create_user(session, user_id=person.user_id, email=f"member{number}@example.com", name=person.name)
        change_consent(session, person.user_id, number % 3 > 0, CONSENT)
    for person in people:
        put_birthday(session, person.user_id, person.birthday)


def _people(random: Random) -> Iterator[Person]:
    yield Person("demo-ada", "Ada Andersson", 0, 0.9, 44, saves=True, birthday=_birthday(0))
    for number in range(1, PEOPLE):
        first, last = random.choice(catalogue.FIRST_NAMES), random.choice(catalogue.LAST_NAMES)
        yield Person(
            f"demo-{number:03}",
            f"{first} {last}",
            joins_on=random.randint(0, DAYS - 20),
            orders_a_week=random.choice((0.1, 0.3, 0.6, 1.0, 1.8)),
            basket=random.choice((18, 30, 45, 80)),
            saves=random.random() < 0.4,
            birthday=_birthday(number),
        )


def _birthday(number: int) -> str | None:
    """The birthdays are spread over the year; one of four people has told none."""
    day = date(2000, 1, 1) + timedelta(days=97 * number % 366)
    return None if number % 4 == 3 else f"{day:%m-%d}"
