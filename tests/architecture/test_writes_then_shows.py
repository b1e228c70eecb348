"""Every route that writes shows what it has written, in its answer and ever after, on connections that are real.

Requests write in a transaction and read before it commits; a page that asks again reads on another connection, after.
Both must tell the same. Who adds a route that writes adds how it shows that to `CASES`, or why it shows nothing to
`SHOWS_NOTHING`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, tostring

import html5lib
import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.accounts.models import User
from portal.imports.staging import stage_import
from portal.jobs.models import JobRun, RunStatus
from portal.members.models import Member
from portal.notifications.models import Message, MessageStatus
from portal.notifications.suppressions import suppress
from portal.notifications.unsubscribe import make_token as make_link
from portal.platform import clock, ids
from portal.platform.audit import Act
from portal.platform.db import unit_of_work
from portal.platform.models import OutboxMessage
from portal.platform.web.application import Portal
from portal.redemptions.lifecycle import fulfill_redemption, release_redemption
from portal.redemptions.models import RedemptionStatus
from portal.referrals.models import Channel
from tests import databases
from tests.architecture.forms import forms_of
from tests.factories.accounts import bearer, csrf, make_token, make_user, sign_in
from tests.factories.checkout import make_intent
from tests.factories.loyalty import RULES, make_member, make_reward, make_tier, owe, request_reward
from tests.factories.referrals import complete, make_invite
from tests.nudges.people import PUSH, expire_soon

ROUTES = Path(__file__).with_name("routes.txt").read_text().splitlines()
BASE = "/api/v1/loyalty"
HTMX = {"HX-Request": "true"}
WHY = "seen at once"
Case = Callable[["World"], None]
CASES: dict[str, Case] = {}
SHOWS_NOTHING = {
    "/login POST PUBLIC": "leads on to a page; the session that it makes is read by every later request",
    "/logout POST PUBLIC": "leads on to a page for nobody",
    "/register POST PUBLIC": "answers the same for everybody",
    "/register/again POST PUBLIC": "answers the same for everybody",
    "/register/confirm/<token> POST PUBLIC": "leads on to a page, by a session that later requests read",
    "/account/address/confirm POST PAGE": "asks for a mail that a worker writes",
    "/password/forgot POST PUBLIC": "answers the same for everybody",
    "/password/reset/<token> POST PUBLIC": "leads on to the sign-in page",
    "/admin/operations/queues/<queue>/<job_id>/<any(retry, drop):verb> POST CONSOLE": "changes Redis alone",
    "/admin/programme/campaigns/<slug>/test POST CONSOLE": "asks for a message that a worker writes",
    "/admin/programme/earning-rules/<slug>/preview POST CONSOLE": "writes nothing",
    "/admin/programme/earning-rules/<slug>/try POST CONSOLE": "writes nothing",
    "/admin/programme/new-earning-rule/preview POST CONSOLE": "writes nothing",
    "/admin/programme/new-earning-rule/try POST CONSOLE": "writes nothing",
    "/admin/programme/new-tier/preview POST CONSOLE": "writes nothing",
    "/api/v1/loyalty/earning-rules/preview POST ADMIN": "writes nothing",
    "/api/v1/loyalty/orders/<reference>/refunds/quote POST ORDERS_OR_ADMIN": "writes nothing",
    "/api/v1/loyalty/orders/quote POST QUOTE": "writes nothing",
    "/admin/programme/tiers/<slug>/preview POST CONSOLE": "writes nothing",
    "/admin/programme/try-a-cart POST CONSOLE": "writes nothing",
}


def shows(route: str) -> Callable[[Case], Case]:
    """This case says what the route (a line of `routes.txt`) shows."""

    def declare(case: Case) -> Case:
        assert CASES.setdefault(route, case) is case, route
        return case

    return declare


class Person:
    """A member with a browser."""

    def __init__(self, app: Portal, user_id: str, client: FlaskClient) -> None:
        self.app, self.id, self.client = app, user_id, client

    def post(self, path: str, *, htmx: bool = True, **fields: str) -> Any:
        """Send a form as a page does."""
        data = {"csrf_token": csrf(self.client), "idempotency_key": ids.encode(ids.new_id()), **fields}
        return self.client.post(path, data=data, headers=HTMX if htmx else {})

    def get(self, path: str, headers: dict[str, str] | None = None) -> str:
        """A page, as read afterwards."""
        answer = self.client.get(path, headers=headers)
        assert answer.status_code == 200, f"{path}: {answer.status}"
        return answer.text


class World:
    """A running programme; its staff, its storefront, and members made for each case."""

    def __init__(self, app: Portal) -> None:
        self.app = app
        with self.write() as session:
            self.token = make_token(session, "admin")
            self.staff = self._person(make_user(session, role="admin"))
            make_tier(session, "base", 0)

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Set the scene in a transaction of its own."""
        with self.app.app_context(), unit_of_work() as session:
            yield session

    def _person(self, user: User) -> Person:
        client = self.app.test_client()
        sign_in(client, user)
        return Person(self.app, user.id, client)

    def member(self, points: int = 0, **fields: Any) -> Person:
        """A new member with a browser."""
        with self.write() as session:
            user = make_user(session, **fields)
            make_member(session, user, points=points)
            return self._person(user)

    def of(self, session: Session, person: Person) -> Member:
        """The membership of a person."""
        return session.query(Member).filter_by(user_id=person.id).one()

    def reward(self, cost: int = 40, **fields: Any) -> str:
        """A new reward, by its slug."""
        slug = f"reward-{ids.encode(ids.new_id()).lower()}"
        with self.write() as session:
            make_reward(session, slug, cost, **fields)
        return slug

    def request(self, person: Person, slug: str) -> str:
        """An open request of the member for a reward."""
        with self.write() as session:
            return ids.encode(request_reward(session, self.of(session, person), slug).id)

    def fulfilled(self, person: Person) -> str:
        """A request of the member that was fulfilled."""
        key = ids.parse(self.request(person, self.reward()))
        assert key
        with self.write() as session:
            fulfill_redemption(session, key, Act("t", clock.now()))
        return ids.encode(key)

    def api(self, method: str, path: str, body: Any = None, user_id: str | None = None) -> Any:
        """What the storefront is answered, which must be no refusal."""
        full = path if path.startswith("/api/") else BASE + path
        answer = self.app.test_client().open(full, method=method, json=body, headers=bearer(self.token, user_id))
        assert answer.status_code in (200, 201, 202), answer.text
        return answer.json

    def console(self, path: str, **fields: Any) -> Any:
        """Fill in the console's form at this address and send it by HTMX; the answer."""
        page = self.staff.get(path)
        form = next(f for f in forms_of(page, path) if f.method == "post" and f.action.split("?")[0] in path)
        data = {**form.fields, "reason": WHY, **fields}
        answer = self.staff.client.post(path, data=data, headers=HTMX)
        assert answer.status_code == 200, answer.text
        return answer

    def acts(self, path: str, after: str, *seen: str, gone: tuple[str, ...] = (), **fields: Any) -> None:
        """Send the console's form; the page afterwards reads so, and where the answer is a page, that does too."""
        answer = self.console(path, **fields)
        later = self.staff.get(after)
        for text in [later, *([answer.text] if "HX-Location" not in answer.headers else [])]:
            assert [word for word in seen if word not in text] == []
            assert [word for word in gone if word in text] == []


@pytest.fixture(scope="module")
def world(servers: databases.Servers, app: Portal) -> Iterator[World]:
    """The programme, on a database of its own where every request commits."""
    application = databases.make_app(servers, servers.create("shows"))
    yield World(application)
    with application.app_context():
        databases.dispose(application)
    servers.drop("shows")


def parts(html: str, *names: str) -> dict[str, str]:
    """These parts of a page, by id, without what differs from one rendering to the next."""
    document = html5lib.parse(html, namespaceHTMLElements=False)
    found = {element.get("id"): element for element in document.iter() if element.get("id") in names}
    assert set(found) == set(names)
    return {str(name): _plain(element) for name, element in found.items()}


def _plain(part: Element) -> str:
    for element in part.iter():
        element.attrib.pop("hx-swap-oob", None)
        if element.get("name") in ("csrf_token", "idempotency_key"):
            element.set("value", "")
    return " ".join(tostring(part, encoding="unicode").split())


HUB = ("balances", "holds", "rewards")


def hub_agrees(person: Person, answer: Any) -> str:
    """What was swapped in is what the hub shows on a reload; the parts as one text."""
    assert answer.status_code == 200, answer.text
    swapped = parts(answer.text, *HUB)
    assert swapped == parts(person.get("/account/loyalty"), *HUB)
    return " ".join(swapped.values())


@shows("/account/loyalty/join POST PAGE")
def join(world: World) -> None:
    with world.write() as session:
        operator = world._person(make_user(session, role="operator"))
    answer = operator.post("/account/loyalty/join", htmx=False)
    assert answer.status_code == 303
    assert "balance-available" in operator.get(answer.location)


@shows("/account/loyalty/rewards/<slug>/redeem POST PAGE")
def redeem(world: World) -> None:
    slug, person = world.reward(40, inventory=1), world.member(100)
    shown = hub_agrees(person, person.post(f"/account/loyalty/rewards/{slug}/redeem"))
    assert 'data-state="out_of_stock"' in shown.split(f'data-slug="{slug}"')[1][:200]
    assert 'data-value="60"' in shown


@shows("/account/loyalty/redemptions/<ulid:redemption_id>/cancel POST PAGE")
def cancel_hold(world: World) -> None:
    slug, person = world.reward(40, inventory=1), world.member(100)
    shown = hub_agrees(person, person.post(f"/account/loyalty/redemptions/{world.request(person, slug)}/cancel"))
    assert 'data-state="affordable"' in shown.split(f'data-slug="{slug}"')[1][:200]
    assert 'data-value="100"' in shown


@shows("/account/loyalty/redemptions/<ulid:redemption_id>/retry POST PAGE")
def retry(world: World) -> None:
    slug, person = world.reward(40), world.member(100)
    key = world.request(person, slug)
    with world.write() as session:
        parsed = ids.parse(key)
        assert parsed
        release_redemption(session, parsed, RedemptionStatus.FAILED, Act("t", clock.now(), "x"))
    shown = hub_agrees(person, person.post(f"/account/loyalty/redemptions/{key}/retry"))
    assert 'data-value="60"' in shown


def rail_agrees(person: Person, answer: Any) -> str:
    assert answer.status_code == 200, answer.text
    rail = person.get("/account/loyalty/for-you", HTMX)
    for hook in ("nudge-card", "next-action"):
        assert answer.text.count(f'data-testid="{hook}"') == rail.count(f'data-testid="{hook}"')
    return rail


@shows("/account/loyalty/next-actions/<ulid:intent_id>/dismiss POST PAGE")
def dismiss_action(world: World) -> None:
    person = world.member(100)
    with world.write() as session:
        intents = [ids.encode(make_intent(session, world.of(session, person), points=10).id) for _ in range(2)]
    rail = rail_agrees(person, person.post(f"/account/loyalty/next-actions/{intents[0]}/dismiss"))
    assert (intents[0] in rail, intents[1] in rail) == (False, True)


def nudge_of(world: World) -> tuple[Person, str]:
    person = world.member()
    with world.write() as session:
        expire_soon(session, world.of(session, person))
    return person, world.api("GET", "/nudges", user_id=person.id)["nudges"][0]["id"]


@shows("/account/loyalty/nudges/<ulid:nudge_id>/dismiss POST PAGE")
def dismiss_nudge(world: World) -> None:
    person, nudge = nudge_of(world)
    assert nudge not in rail_agrees(person, person.post(f"/account/loyalty/nudges/{nudge}/dismiss"))


@shows("/account/loyalty/nudges/<ulid:nudge_id>/acknowledge POST PAGE")
def acknowledge_nudge(world: World) -> None:
    person, nudge = nudge_of(world)
    answer = person.post(f"/account/loyalty/nudges/{nudge}/acknowledge")
    rail = rail_agrees(person, answer)
    path = f"/account/loyalty/nudges/{nudge}/acknowledge"
    assert (path in answer.text, path in rail) == (False, False)


@shows("/account/referrals POST PAGE")
def create_invite(world: World) -> None:
    person = world.member()
    answer = person.post("/account/referrals", channel="link", invitee_name="Kim Nowhere")
    assert answer.status_code == 200, answer.text
    for text in (answer.text, person.get("/account/referrals")):
        assert text.count('data-testid="invite-row"') == 1
        assert "Kim Nowhere" in text


@shows("/account/referrals/<ulid:referral_id>/cancel POST PAGE")
def cancel_invite(world: World) -> None:
    person = world.member()
    with world.write() as session:
        invite = ids.encode(make_invite(session, world.of(session, person)).id)
    answer = person.post(f"/account/referrals/{invite}/cancel")
    for text in (answer.text, person.get("/account/referrals")):
        assert 'data-status="cancelled"' in text


@shows("/account/preferences POST PAGE")
def preferences(world: World) -> None:
    person = world.member()
    fields = {"phone_number": "+491701234567", "email": "y", "birthday_day": "29", "birthday_month": "02"}
    assert person.post("/account/preferences", htmx=False, **fields).status_code == 303
    page = person.get("/account/preferences")
    assert "+491701234567" in page
    assert '<option selected value="02">February</option>' in page


@shows("/account/preferences/push POST PAGE")
def subscribe(world: World) -> None:
    person = world.member()
    assert person.post("/account/preferences/push", subscription=PUSH).status_code == 204
    assert "/account/preferences/push/end" in person.get("/account/preferences")


@shows("/account/preferences/push/end POST PAGE")
def end_subscription(world: World) -> None:
    person = world.member(push_token=PUSH)
    assert person.post("/account/preferences/push/end", htmx=False).status_code == 303
    with world.write() as session:
        assert session.get_one(User, person.id).push_token is None


@shows("/unsubscribe/<token> POST PUBLIC")
def unsubscribe(world: World) -> None:
    person = world.member(marketing_messages=True)
    with world.app.test_request_context():
        token = make_link("user", person.id)
    assert world.app.test_client().post(f"/unsubscribe/{token}").status_code == 200
    user = {"email": f"{person.id}@example.com", "name": "Kim"}
    assert world.api("PUT", f"/api/v1/users/{person.id}", user)["marketingMessages"] is False


# --- the consoles ---


@shows("/admin/orders/<reference>/claim POST CONSOLE")
def claim_in_the_console(world: World) -> None:
    person = world.member()
    told(world, "W-4")
    world.acts("/admin/orders/W-4/claim", "/admin/orders/W-4", person.id, "50 points", user_id=person.id)


@shows("/admin/unmatched-refunds/<reference>/<refund_id>/forget POST CONSOLE")
def forget_refund(world: World) -> None:
    world.api("POST", "/orders/W-6/refunds", {"refundId": "w-6", "amount": 1})
    listed = "/admin/unmatched-refunds"
    world.acts(f"{listed}/W-6/w-6/forget", listed, gone=("w-6",))


@shows("/admin/orders/<reference>/release POST CONSOLE")
def release_in_the_console(world: World) -> None:
    person = world.member()
    rule = {"name": "Later", "kind": "order", "points": 9, "pendingDays": 9, "channels": ["later"]}
    world.api("PUT", "/earning-rules/later", rule)
    told(world, "W-5", userId=person.id, channel="later")
    page = "/admin/orders/W-5"
    assert "9 points become active on" in world.staff.get(page)
    world.acts(f"{page}/release", page, "9 points became active at once", gone=("9 points become active on",))


@shows("/admin/members/<user_id>/adjust POST CONSOLE")
def adjust(world: World) -> None:
    person = world.member(100)
    world.acts(f"/admin/members/{person.id}/adjust", f"/admin/members/{person.id}", "1,234", points="1134")


@shows("/admin/members/<user_id>/write-off POST CONSOLE")
def write_off_in_the_console(world: World) -> None:
    person = debtor(world, 1_300)
    page = f"/admin/members/{person.id}"
    world.acts(f"{page}/write-off", page, "1,237", points="63")
    assert f"/admin/members/{person.id}" in world.staff.get("/admin/owed")
    world.acts(f"{page}/write-off", page, gone=("write-off",), points="1,237")
    assert f"/admin/members/{person.id}" not in world.staff.get("/admin/owed")


@shows('/admin/members/<user_id>/<any(suspend, reactivate, "sign-out", disable, enable):verb> POST CONSOLE')
def change_member(world: World) -> None:
    person = world.member()
    page = f"/admin/members/{person.id}"
    world.acts(f"{page}/suspend", page, f"{page}/reactivate", gone=(f"{page}/suspend",))
    world.acts(f"{page}/reactivate", page, f"{page}/suspend", gone=(f"{page}/reactivate",))
    world.acts(f"{page}/disable", page, f"{page}/enable", gone=(f"{page}/disable",))


@shows("/admin/redemptions/<ulid:redemption_id>/<any(fulfil, cancel, fail):verb> POST CONSOLE")
def decide(world: World) -> None:
    slug = world.reward()
    for verb in ("fulfil", "cancel", "fail"):
        page = f"/admin/redemptions/{world.request(world.member(100), slug)}"
        world.acts(f"{page}/{verb}", page, f"user:{world.staff.id}", gone=(f"{page}/{verb}",))


@shows("/admin/members/<user_id>/ledger/<ulid:entry_id>/take-back POST CONSOLE")
def take_points_back(world: World) -> None:
    person = world.member()
    entry = world.api("POST", f"/members/{person.id}/adjustments", {"points": 1234, "reason": "x"})
    page = f"/admin/members/{person.id}/ledger"
    act = f"{page}/{entry['id']}/take-back"
    world.acts(act, page, "Corrected by the shop", gone=(act,))


@shows("/admin/redemptions/<ulid:redemption_id>/refund POST CONSOLE")
def refund(world: World) -> None:
    page = f"/admin/redemptions/{world.fulfilled(world.member(100))}"
    world.acts(f"{page}/refund", page, "Given back", gone=(f"{page}/refund",))


@shows("/admin/redemptions/bulk/<any(fulfil, cancel, fail):verb> POST CONSOLE")
def decide_many(world: World) -> None:
    slug = world.reward()
    keys = [world.request(world.member(100), slug) for _ in range(3)]
    answer = world.console(f"/admin/redemptions/bulk/fulfil?{'&'.join(f'ids={key}' for key in keys)}")
    assert answer.text.count('data-outcome="done"') == 3
    for key in keys:
        assert f"user:{world.staff.id}" in world.staff.get(f"/admin/redemptions/{key}")


@shows("/admin/members/<user_id>/messages/<ulid:message_id>/resend POST CONSOLE")
def resend_message(world: World) -> None:
    person, now = world.member(), clock.now()
    with world.write() as session:
        message = Message(
            id=ids.new_id(),
            dedupe_key=ids.encode(ids.new_id()),
            kind="tier_upgrade",
            channel="email",
            user_id=person.id,
            status=MessageStatus.FAILED,
            created_at=now,
            updated_at=now,
        )
        work = OutboxMessage(
            id=ids.new_id(),
            topic="tests",
            payload={},
            status="dead",
            created_at=now,
            next_attempt_at=now,
            finished_at=now,
        )
        message.dedupe_key = f"outbox:{ids.encode(work.id)}"
        session.add_all([message, work])
        key = ids.encode(message.id)
    world.acts(f"/admin/members/{person.id}/messages/{key}/resend", "/admin/audit", key)


@shows("/admin/members/<user_id>/referrals/<ulid:invite_id>/resend POST CONSOLE")
def resend_invite(world: World) -> None:
    person = world.member()
    with world.write() as session:
        invite = make_invite(
            session, world.of(session, person), channel=Channel.EMAIL, email=f"{person.id}@elsewhere.example"
        )
        key = ids.encode(invite.id)
    world.acts(f"/admin/members/{person.id}/referrals/{key}/resend", "/admin/audit", key)


@shows("/admin/messages/suppressions/add POST CONSOLE")
def add_suppression(world: World) -> None:
    page = "/admin/messages/suppressions"
    found = f"{page}?address=shown@example.com"
    world.acts(f"{page}/add", found, "/remove", channel="email", address="shown@example.com")


@shows("/admin/messages/suppressions/<channel>/<address_hash>/remove POST CONSOLE")
def remove_suppression(world: World) -> None:
    with world.write() as session:
        suppress(session, "sms", "+4915100000001", reason="asked by phone", now=clock.now())
    page = "/admin/messages/suppressions?channel=sms"
    path = next(link for link in _links(world.staff.get(page)) if link.endswith("/remove") and "/sms/" in link)
    world.acts(path, page, gone=(path,))


def _links(html: str) -> list[str]:
    document = html5lib.parse(html, namespaceHTMLElements=False)
    return [link.get("href", "") for link in document.iter("a")]


@shows("/admin/operations/failed/<ulid:message_id>/<any(retry, close):verb> POST CONSOLE")
def mend_work(world: World) -> None:
    now = clock.now()
    with world.write() as session:
        work = OutboxMessage(
            id=ids.new_id(),
            topic="tests",
            payload={},
            status="dead",
            created_at=now,
            next_attempt_at=now,
            finished_at=now,
        )
        session.add(work)
        path = f"/admin/operations/failed/{ids.encode(work.id)}/retry"
    world.acts(path, "/admin/operations/failed", gone=(path,))


@shows("/admin/operations/runs/<job_id>/<slot>/retry POST CONSOLE_OWNER")
def retry_run(world: World) -> None:
    now = clock.now()
    with world.write() as session:
        session.add(
            JobRun(
                job_id="nightly_purge",
                slot=now,
                status=RunStatus.FAILED,
                next_attempt_at=now,
                started_at=now,
                finished_at=now,
            )
        )
    path = f"/admin/operations/runs/nightly_purge/{now:%Y%m%dT%H%M%S%f}"
    world.acts(f"{path}/retry", path, gone=(f"{path}/retry",))


@shows("/admin/operations/schedules/<job_id>/run POST CONSOLE_OWNER")
def run_now(world: World) -> None:
    world.acts("/admin/operations/schedules/ledger_verification/run", "/admin/operations/runs", "ledger_verification")


@shows("/admin/programme/campaigns/<slug> POST CONSOLE")
def change_campaign(world: World) -> None:
    page = next(link for link in _links(world.staff.get("/admin/programme/campaigns")) if "/campaigns/" in link)
    world.acts(page, page, 'value="77"', priority="77")


@shows("/admin/programme/new-reward POST CONSOLE")
def new_reward(world: World) -> None:
    fields = {"slug": "shown", "name": "Shown at once", "points_cost": "12", "min_tier": ""}
    world.acts("/admin/programme/new-reward", "/admin/programme/rewards", "Shown at once", **fields)


@shows("/admin/programme/rewards/<slug> POST CONSOLE")
def change_reward(world: World) -> None:
    page = f"/admin/programme/rewards/{world.reward()}"
    world.acts(page, page, "Renamed at once", name="Renamed at once")


@shows("/admin/programme/rewards/<slug>/<any(withdraw, offer):verb> POST CONSOLE")
def withdraw_reward(world: World) -> None:
    page = f"/admin/programme/rewards/{world.reward()}"
    world.acts(f"{page}/withdraw", page, f"{page}/offer", gone=(f"{page}/withdraw",))
    world.acts(f"{page}/offer", page, f"{page}/withdraw", gone=(f"{page}/offer",))


EARNING = "/admin/programme/earning-rules"


def rule_of(world: World) -> str:
    """The page of a new earning rule, which no order earns by."""
    slug = f"rule-{ids.encode(ids.new_id()).lower()}"
    terms = {"name": "A rule", "kind": "order", "points": 5, "channels": ["nowhere"]}
    world.api("PUT", f"/earning-rules/{slug}", terms)
    return f"{EARNING}/{slug}"


@shows("/admin/programme/new-earning-rule POST CONSOLE")
def new_earning_rule(world: World) -> None:
    fields = {"slug": "shown", "name": "Shown at once", "kind": "order", "points": "12", "channels": "nowhere"}
    world.acts("/admin/programme/new-earning-rule", EARNING, "Shown at once", "12 points", **fields)


@shows("/admin/programme/earning-rules/<slug> POST CONSOLE")
def change_earning_rule(world: World) -> None:
    page = rule_of(world)
    world.acts(page, page, "Renamed at once", "version 2", name="Renamed at once")
    assert "A rule → Renamed at once" in world.staff.get(f"{page}/versions")


@shows("/admin/programme/earning-rules/<slug>/<any(pause, resume):verb> POST CONSOLE")
def pause_earning_rule(world: World) -> None:
    page = rule_of(world)
    world.acts(f"{page}/pause", page, f"{page}/resume", gone=(f"{page}/pause",))
    world.acts(f"{page}/resume", page, f"{page}/pause", gone=(f"{page}/resume",))


def put_tier_in_console(world: World, page: str, **fields: str) -> None:
    """Preview, then save what was previewed."""
    given = {"name": "Shown at once", "threshold": "777", "position": "", "active": "y", **fields}
    data = {"csrf_token": csrf(world.staff.client), **given}
    preview = world.staff.client.post(f"{page}/preview", data=data).text
    saving = next(f for f in forms_of(preview, page) if f.action == page and "seen" in f.fields)
    done = world.staff.client.post(page, data={**saving.fields, **data, "reason": WHY})
    assert done.status_code == 303, done.text
    assert "Shown at once" in world.staff.get(done.location)


@shows("/admin/programme/new-tier POST CONSOLE")
def new_tier(world: World) -> None:
    put_tier_in_console(world, "/admin/programme/new-tier", slug="shown")


@shows("/admin/programme/tiers/<slug> POST CONSOLE")
def change_tier(world: World) -> None:
    with world.write() as session:
        make_tier(session, "changed", 888)
    put_tier_in_console(world, "/admin/programme/tiers/changed", threshold="889")
    assert "889" in world.staff.get("/admin/programme/tiers/changed")


@shows("/admin/referrals/<ulid:referral_id>/cancel POST CONSOLE")
def cancel_referral(world: World) -> None:
    person = world.member()
    with world.write() as session:
        page = f"/admin/referrals/{ids.encode(make_invite(session, world.of(session, person)).id)}"
    world.acts(f"{page}/cancel", page, "Cancelled", gone=(f"{page}/cancel",))


@shows("/admin/referrals/<ulid:referral_id>/review POST CONSOLE")
def review_referral(world: World) -> None:
    person = world.member()
    with world.write() as session:
        invite = make_invite(session, world.of(session, person))
        invite.signals = ["same_browser"]
        page = f"/admin/referrals/{ids.encode(invite.id)}"
    world.acts(f"{page}/review", page, WHY, gone=(f"{page}/review",))


@shows("/admin/referrals/<ulid:referral_id>/void POST CONSOLE")
def void_referral(world: World) -> None:
    person, friend = world.member(), world.member()
    with world.write() as session:
        invite = make_invite(session, world.of(session, person))
        complete(session, invite.code, friend.id)
        page = f"/admin/referrals/{ids.encode(invite.id)}"
    world.acts(f"{page}/void", page, "voided by hand", "−500", gone=(f"{page}/void",))


@shows("/admin/referrals/issue POST CONSOLE")
def issue_invite(world: World) -> None:
    person = world.member()
    world.console("/admin/referrals/issue", user_id=person.id, channel="link", invitee_name="Kim Issued")
    assert "Kim Issued" in world.staff.get(f"/admin/members/{person.id}/referrals")


@shows("/admin/referrals/complete POST CONSOLE")
def complete_in_console(world: World) -> None:
    person, friend = world.member(), world.member()
    with world.write() as session:
        code = make_invite(session, world.of(session, person)).code
    world.console("/admin/referrals/complete", code=code, referee_user_id=friend.id, order_reference="A-1")
    assert "Converted" in world.staff.get(f"/admin/members/{person.id}/referrals")


@shows("/admin/imports/new POST CONSOLE")
def upload(world: World) -> None:
    data = {
        "csrf_token": csrf(world.staff.client),
        "idempotency_key": ids.encode(ids.new_id()),
        "file": (BytesIO(b"user_id,email,name,points\nup,up@example.com,Up,50\n"), "uploaded.csv"),
    }
    answer = world.staff.client.post("/admin/imports/new", data=data)
    assert answer.status_code == 303, answer.text
    assert "uploaded.csv" in world.staff.get(answer.location)


@shows("/admin/imports/<ulid:import_id>/apply POST CONSOLE")
def apply_import(world: World) -> None:
    with world.write() as session:
        staged = stage_import(
            session,
            BytesIO(b"user_id,email,name,points\nap,ap@example.com,Ap,50\n"),
            "applied.csv",
            Act(f"user:{world.staff.id}", clock.now()),
            over_staff=True,
            most=10,
            rules=RULES,
        )
        page = f"/admin/imports/{ids.encode(staged.id)}"
    world.acts(f"{page}/apply", page, gone=(f"{page}/apply",))


@shows("/admin/access/tokens/new POST CONSOLE_OWNER")
def new_token(world: World) -> None:
    answer = world.console("/admin/access/tokens/new", name="shown-token", scopes=["member"])
    assert "lp_" in answer.text
    assert "shown-token" in world.staff.get("/admin/access/tokens")


@shows("/admin/access/tokens/<ulid:token_id>/revoke POST CONSOLE_OWNER")
def revoke_token(world: World) -> None:
    with world.write() as session:
        make_token(session, "member", name="to-revoke")
    page = "/admin/access/tokens"
    revoking = [link for link in _links(world.staff.get(page)) if link.endswith("/revoke")]
    world.acts(revoking[0], page, gone=(revoking[0],))


@shows("/admin/access/staff/new POST CONSOLE_OWNER")
def add_staff(world: World) -> None:
    world.acts(
        "/admin/access/staff/new", "/admin/access", "new@staff.example", email="new@staff.example", role="operator"
    )


@shows("/admin/access/users/<user_id>/role POST CONSOLE_OWNER")
def change_role(world: World) -> None:
    person = world.member(email="promoted@staff.example")
    world.acts(f"/admin/access/users/{person.id}/role", "/admin/access", "promoted@staff.example", role="operator")


@shows('/admin/access/users/<user_id>/<any(disable, enable, "sign-out"):verb> POST CONSOLE_OWNER')
def disable_staff(world: World) -> None:
    person = world.member(role="operator")
    page = f"/admin/access/users/{person.id}"
    world.acts(f"{page}/disable", "/admin/access", f"{page}/enable", gone=(f"{page}/disable",))


@shows("/admin/access/sign-ins/<ulid:session_id>/end POST CONSOLE_OWNER")
def end_sign_in(world: World) -> None:
    with world.write() as session:
        row = sign_in(world.app.test_client(), make_user(session, role="operator"))
        path = f"/admin/access/sign-ins/{ids.encode(row.id)}/end"
    world.acts(path, "/admin/access/sign-ins", gone=(path,))


# --- the API ---


@shows("/api/v1/users/<user_id> PUT ORDERS_OR_ADMIN")
def put_user(world: World) -> None:
    body = {"email": "put@example.com", "name": "Kim"}
    assert world.api("PUT", "/api/v1/users/put", body) == world.api("PUT", "/api/v1/users/put", body)
    assert world.api("GET", "/members/put")["userId"] == "put"


@shows("/api/v1/loyalty/tiers/<slug> PUT ADMIN")
def put_tier(world: World) -> None:
    made = world.api("PUT", "/tiers/api", {"name": "Api", "threshold": 4321})
    assert made in world.api("GET", "/tiers")["tiers"]


@shows("/api/v1/loyalty/rewards/<slug> PUT ADMIN")
def put_reward(world: World) -> None:
    world.api("PUT", "/rewards/api", {"name": "Api", "pointsCost": 10})
    made = world.api("PUT", "/rewards/api", {"pointsCost": 11, "inventory": 4})
    assert made in world.api("GET", "/rewards")["rewards"]


@shows("/api/v1/loyalty/nudge-campaigns/<slug> PUT ADMIN")
def put_campaign(world: World) -> None:
    body = {"signal": "referral_share", "ttlHours": 5, "channels": ["sms"], "priority": 3, "frequencyCapHours": 6}
    made = world.api("PUT", "/nudge-campaigns/shown", body)
    assert (made["ttlHours"], made["channels"]) == (5, ["sms"])
    assert world.api("PUT", "/nudge-campaigns/shown", {}) == made


@shows("/api/v1/loyalty/ledger/<ulid:entry_id>/reversal POST ADMIN")
def reverse_by_api(world: World) -> None:
    person = world.member()
    entry = world.api("POST", f"/members/{person.id}/adjustments", {"points": 10, "reason": "x"})
    made = world.api("POST", f"/ledger/{entry['id']}/reversal", {"points": 4, "reason": "x"})
    assert world.api("GET", "/ledger", user_id=person.id)["entries"][0] == made
    assert world.api("GET", f"/members/{person.id}")["balance"] == 6


@shows("/api/v1/loyalty/members/<user_id>/adjustments POST ADMIN")
def adjust_by_api(world: World) -> None:
    person = world.member()
    made = world.api("POST", f"/members/{person.id}/adjustments", {"points": 10, "reason": "x"})
    assert world.api("GET", "/ledger", user_id=person.id)["entries"] == [made]


def redemption_is(world: World, person: Person, made: Any) -> None:
    assert world.api("GET", "/redemptions", user_id=person.id)["redemptions"][0] == made


@shows("/api/v1/loyalty/members/<user_id>/redemptions POST CHECKOUT_OR_ADMIN")
def redeem_by_api(world: World) -> None:
    person = world.member(100)
    redemption_is(world, person, world.api("POST", f"/members/{person.id}/redemptions", {"rewardSlug": world.reward()}))


@shows("/api/v1/loyalty/redemptions/<ulid:redemption_id>/fulfill POST ADMIN")
def fulfill(world: World) -> None:
    person = world.member(100)
    key = world.request(person, world.reward())
    redemption_is(world, person, world.api("POST", f"/redemptions/{key}/fulfill"))


@shows("/api/v1/loyalty/redemptions/<ulid:redemption_id>/fail POST ADMIN")
def fail(world: World) -> None:
    person = world.member(100)
    key = world.request(person, world.reward())
    redemption_is(world, person, world.api("POST", f"/redemptions/{key}/fail", {"reason": "x"}))


@shows("/api/v1/loyalty/redemptions/<ulid:redemption_id>/cancel POST MEMBER_OR_ADMIN")
def cancel_by_api(world: World) -> None:
    person = world.member(100)
    key = world.request(person, world.reward())
    redemption_is(world, person, world.api("POST", f"/redemptions/{key}/cancel", {"reason": "x"}))


@shows("/api/v1/loyalty/redemptions/<ulid:redemption_id>/refund POST ADMIN")
def refund_by_api(world: World) -> None:
    person = world.member(100)
    redemption_is(world, person, world.api("POST", f"/redemptions/{world.fulfilled(person)}/refund", {"reason": "x"}))


@shows("/api/v1/loyalty/redemptions/<ulid:redemption_id>/references POST ADMIN")
def add_references(world: World) -> None:
    person = world.member(100)
    made = world.api("POST", f"/redemptions/{world.fulfilled(person)}/references")
    assert world.api("GET", "/ledger", user_id=person.id)["entries"][0] == made


@shows("/api/v1/loyalty/checkout/intents POST CHECKOUT_OR_MEMBER")
def checkout(world: World) -> None:
    person, wish = world.member(100), {"checkoutIntentId": ids.encode(ids.new_id()), "points": 10}
    for action in ("plan", "confirm"):
        body = {"userId": person.id, "orderReference": "A", "action": action, "redemption": wish}
        made = world.api("POST", "/checkout/intents", body)
        feed = world.api("GET", "/next-actions", user_id=person.id)
        assert made["actions"] == feed["actions"]
        assert feed["intents"] == [intent for intent in made["intents"] if intent["status"] == "pending"]
    assert world.api("GET", f"/members/{person.id}")["held"] == 10


@shows("/api/v1/loyalty/next-actions/<ulid:intent_id>/resolve POST MEMBER")
def resolve(world: World) -> None:
    person = world.member(100)
    with world.write() as session:
        key = ids.encode(make_intent(session, world.of(session, person), points=10).id)
    made = world.api("POST", f"/next-actions/{key}/resolve", {"status": "resolved"}, person.id)
    assert made["status"] == "resolved"
    assert world.api("GET", "/next-actions", user_id=person.id)["intents"] == []


@shows("/api/v1/loyalty/nudges/<ulid:nudge_id>/status POST MEMBER")
def answer_nudge(world: World) -> None:
    person, nudge = nudge_of(world)
    made = world.api("POST", f"/nudges/{nudge}/status", {"status": "acknowledged"}, person.id)
    assert [made] == world.api("GET", "/nudges", user_id=person.id)["nudges"]


def invite_is(world: World, person: Person, made: Any) -> None:
    assert world.api("GET", "/referrals", user_id=person.id)["referrals"] == [made]


@shows("/api/v1/loyalty/referrals POST MEMBER")
def invite(world: World) -> None:
    person = world.member()
    invite_is(world, person, world.api("POST", "/referrals", {"channel": "link"}, person.id))


@shows("/api/v1/loyalty/members/<user_id>/referrals POST ADMIN")
def invite_for(world: World) -> None:
    person = world.member()
    invite_is(world, person, world.api("POST", f"/members/{person.id}/referrals", {"channel": "link"}))


@shows("/api/v1/loyalty/referrals/<ulid:referral_id>/cancel POST MEMBER")
def take_back(world: World) -> None:
    person = world.member()
    made = world.api("POST", "/referrals", {"channel": "link"}, person.id)
    invite_is(world, person, world.api("POST", f"/referrals/{made['id']}/cancel", user_id=person.id))


@shows("/api/v1/loyalty/earning-rules/<slug> PUT ADMIN")
def write_a_rule(world: World) -> None:
    made = world.api("PUT", "/earning-rules/tea", {"name": "Tea", "kind": "order", "points": 5, "channels": ["tea"]})
    assert made in world.api("GET", "/earning-rules?limit=100")["rules"]
    assert world.api("GET", "/earning-rules/tea/versions")["versions"][0] == made
    assert "tea" in [way["rule"] for way in world.api("GET", "/ways-to-earn")["ways"]]


def told(world: World, reference: str, **fields: Any) -> Any:
    lines = [{"lineId": "1", "amount": 5000}]
    body = {"currency": "EUR", "placedAt": clock.now().isoformat(), "status": "paid", "lines": lines, **fields}
    return world.api("PUT", f"/orders/{reference}", body)


@shows("/api/v1/loyalty/orders/<reference> PUT ORDERS_OR_ADMIN")
def tell_an_order(world: World) -> None:
    person = world.member()
    made = told(world, "W-1", userId=person.id)
    assert world.api("GET", "/orders/W-1") == made["order"]
    assert world.api("GET", f"/orders?userId={person.id}")["orders"] == [made["order"]]
    assert world.api("GET", "/ledger", user_id=person.id)["entries"] == made["entries"]
    assert world.api("GET", f"/members/{person.id}")["balance"] == 50


@shows("/api/v1/loyalty/orders/<reference>/refunds POST ORDERS_OR_ADMIN")
def refund_an_order(world: World) -> None:
    person = world.member()
    told(world, "W-7", userId=person.id)
    made = world.api("POST", "/orders/W-7/refunds", {"refundId": "1", "amount": 2000})
    assert world.api("GET", "/orders/W-7") == made["order"]
    assert world.api("GET", "/ledger", user_id=person.id)["entries"][0] == made["entries"][0]
    assert world.api("GET", f"/members/{person.id}")["balance"] == 30


@shows("/api/v1/loyalty/orders/<reference>/refunds/<refund_id> DELETE ORDERS_OR_ADMIN")
def undo_a_refund(world: World) -> None:
    person = world.member()
    told(world, "W-8", userId=person.id, refunds=[{"refundId": "1", "amount": 2000}])
    made = world.api("DELETE", "/orders/W-8/refunds/1")
    assert world.api("GET", "/orders/W-8") == made["order"]
    assert world.api("GET", f"/members/{person.id}")["balance"] == 50


@shows("/api/v1/loyalty/orders/batch POST ORDERS_OR_ADMIN")
def tell_many_orders(world: World) -> None:
    person = world.member()
    lines = [{"lineId": "1", "amount": 5000}]
    item = {"currency": "EUR", "placedAt": clock.now().isoformat(), "status": "paid", "lines": lines}
    items = [{**item, "orderReference": f"W-B{number}", "userId": person.id} for number in range(2)]
    made = world.api("POST", "/orders/batch", {"items": items})["results"]
    assert [world.api("GET", f"/orders/W-B{number}") for number in range(2)] == [row["body"]["order"] for row in made]
    assert world.api("GET", f"/members/{person.id}")["balance"] == 100


@shows("/api/v1/loyalty/orders/<reference>/claim POST ADMIN")
def claim_an_order(world: World) -> None:
    person = world.member()
    told(world, "W-2")
    made = world.api("POST", "/orders/W-2/claim", {"userId": person.id, "reason": WHY})
    assert world.api("GET", "/orders/W-2") == made["order"]
    assert world.api("GET", "/ledger", user_id=person.id)["entries"] == made["entries"]


@shows("/api/v1/loyalty/orders/<reference>/release POST ADMIN")
def release_an_order(world: World) -> None:
    person = world.member()
    rule = {"name": "Late", "kind": "order", "points": 7, "pendingDays": 9, "channels": ["late"]}
    world.api("PUT", "/earning-rules/late", rule)
    waiting = told(world, "W-3", userId=person.id, channel="late")["order"]["points"]
    assert (waiting["pending"], waiting["active"]) == (7, 50)
    made = world.api("POST", "/orders/W-3/release", {"reason": WHY})
    assert world.api("GET", "/orders/W-3") == made["order"]
    assert world.api("GET", "/ledger", user_id=person.id)["entries"][0] == made["entries"][0]


@shows("/api/v1/loyalty/members/<user_id>/suspend POST ADMIN")
def suspend_by_api(world: World) -> None:
    person = world.member(100)
    made = world.api("POST", f"/members/{person.id}/suspend", {"reason": WHY})
    assert made["status"] == "suspended"
    assert world.api("GET", f"/members/{person.id}") == made
    assert f"/admin/members/{person.id}/reactivate" in world.staff.get(f"/admin/members/{person.id}")


def debtor(world: World, points: int) -> Person:
    """A member who owes so many points."""
    person = world.member()
    with world.write() as session:
        owe(session, world.of(session, person), points)
    return person


@shows("/api/v1/loyalty/members/<user_id>/owed/write-off POST ADMIN")
def write_off_by_api(world: World) -> None:
    person = debtor(world, 1_300)
    made = world.api("POST", f"/members/{person.id}/owed/write-off", {"points": 63, "reason": WHY})
    assert made["owed"] == 1_237
    assert world.api("GET", f"/members/{person.id}") == made
    assert "1,237" in world.staff.get(f"/admin/members/{person.id}")
    assert "1,237" in person.get("/account/loyalty")


@shows("/api/v1/loyalty/members/<user_id>/reactivate POST ADMIN")
def reactivate_by_api(world: World) -> None:
    person = world.member(100)
    world.api("POST", f"/members/{person.id}/suspend", {"reason": WHY})
    made = world.api("POST", f"/members/{person.id}/reactivate", {"reason": WHY})
    assert made["status"] == "active"
    assert world.api("GET", f"/members/{person.id}") == made
    assert f"/admin/members/{person.id}/suspend" in world.staff.get(f"/admin/members/{person.id}")


@shows("/api/v1/loyalty/events POST ORDERS_OR_ADMIN")
def tell_an_event(world: World) -> None:
    person = world.member()
    world.api("PUT", "/earning-rules/visit", {"name": "Visit", "kind": "event", "eventType": "visit", "points": 5})
    event = {"eventId": "W-1", "userId": person.id, "type": "visit"}
    made = world.api("POST", "/events", event)
    assert [outcome["points"] for outcome in made["outcomes"]] == [5]
    assert world.api("GET", "/ledger", user_id=person.id)["entries"] == made["entries"]
    assert world.api("POST", "/events", event) == made
    assert world.api("GET", f"/members/{person.id}")["balance"] == 5


@shows("/api/v1/loyalty/referrals/complete POST ADMIN")
def complete_by_api(world: World) -> None:
    person, friend = world.member(), world.member()
    code = world.api("POST", "/referrals", {"channel": "link"}, person.id)["code"]
    made = world.api("POST", "/referrals/complete", {"code": code, "refereeUserId": friend.id})
    invite_is(world, person, made["referral"])
    entries = [world.api("GET", "/ledger", user_id=one.id)["entries"][0] for one in (person, friend)]
    assert sorted(entries, key=lambda entry: entry["id"]) == sorted(made["ledgerEntries"], key=lambda e: e["id"])


@shows("/api/v1/loyalty/referrals/<ulid:referral_id>/void POST ADMIN")
def void_by_api(world: World) -> None:
    person, friend = world.member(), world.member()
    code = world.api("POST", "/referrals", {"channel": "link"}, person.id)["code"]
    made = world.api("POST", "/referrals/complete", {"code": code, "refereeUserId": friend.id})["referral"]
    voided = world.api("POST", f"/referrals/{made['id']}/void", {"reason": WHY})
    assert voided["referral"]["status"] == "reversed"
    invite_is(world, person, voided["referral"])
    entries = [world.api("GET", "/ledger", user_id=one.id)["entries"][0] for one in (person, friend)]
    assert sorted(entries, key=lambda entry: entry["id"]) == sorted(voided["ledgerEntries"], key=lambda e: e["id"])


def test_every_route_that_writes_says_how_it_shows_that() -> None:
    unsafe = {line for line in ROUTES if line.rsplit(" ", 2)[1] not in ("GET", "HEAD", "OPTIONS")}
    listed = set(CASES) | set(SHOWS_NOTHING)
    assert sorted(unsafe - listed) == [], "add a case to CASES, or a reason to SHOWS_NOTHING"
    assert sorted(listed - unsafe) == [], "there is no such route any more"


@pytest.mark.parametrize("route", sorted(CASES))
def test_what_was_written_is_shown_at_once_and_ever_after(world: World, route: str) -> None:
    CASES[route](world)
