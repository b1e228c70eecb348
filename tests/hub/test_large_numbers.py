"""Numbers are grouped wherever they are read, and in one way: seven digits on every page and in every message."""

import re
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.accounts.models import User
from portal.analytics.snapshots import capture_snapshot
from portal.imports.staging import stage_import
from portal.members.models import Member
from portal.notifications.models import ChannelName
from portal.notifications.rendering import render_loyalty_tier_upgrade
from portal.nudges.signals import SIGNALS
from portal.nudges.web.preview import preview_nudge
from portal.platform import clock, ids
from portal.platform.audit import Act
from portal.platform.web.application import Portal
from tests.architecture.forms import links_of
from tests.contract.pages import PageView
from tests.factories.accounts import csrf, make_user, sign_in
from tests.factories.checkout import make_intent
from tests.factories.loyalty import RULES, earn, make_member, make_reward, make_tier, request_reward

MANY = 1_234_567
UNGROUPED = re.compile(r"(?<![\w#.,+-])\d{5,}(?![\w-])")
GERMAN = re.compile(r"\d\.\d{3}(?!\d)")
HUB = "/account/loyalty"
SILENT = {"script", "style", "textarea", "code"}


@pytest.fixture(params=["en", "de"])
def anna(app: Portal, session: Session, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Member:
    """A member of a programme in which everything is large; both read in the same locale."""
    monkeypatch.setitem(app.extensions, "formatting", ("UTC", request.param))
    make_tier(session, "bronze", 0)
    make_tier(session, "silver", MANY)
    make_tier(session, "gold", 12 * MANY)
    make_reward(session, "boat", MANY, inventory=MANY)
    make_reward(session, "ship", 90 * MANY)
    make_reward(session, "raft", 5, per_member_limit=1)
    anna = make_member(session, make_user(session, id="anna", locale=request.param), points=9 * MANY)
    earn(session, anna, MANY, expires_at=clock.now() + timedelta(days=3))
    request_reward(session, anna, "boat")
    make_intent(session, anna, reward="boat", order="A")
    make_intent(session, anna, points=MANY, order="B")
    return anna


def words(element: object) -> Iterator[str]:
    """What is read of an element, and what is read out of it."""
    if getattr(element, "tag", "") in SILENT:
        return
    yield getattr(element, "text", "") or ""
    yield " ".join(element.get(name) or "" for name in ("title", "aria-label", "alt"))  # type: ignore[attr-defined]  # an element of lxml
    for child in element:  # type: ignore[attr-defined]  # an element of lxml
        yield from words(child)
        yield child.tail or ""


def wrong(page: str) -> list[str]:
    """The numbers of a page that are not grouped, or as no English sentence has them."""
    shown = " ".join(words(PageView(page).root))
    return UNGROUPED.findall(shown) + GERMAN.findall(shown)


def send(client: FlaskClient, path: str, **fields: str) -> str:
    """Answer a question, and read what came of it."""
    once = {"csrf_token": csrf(client), "idempotency_key": ids.encode(ids.new_id())}
    answer = client.post(path, data={**once, **fields}, follow_redirects=True)
    assert answer.status_code in (200, 409, 422), path
    return answer.text


def test_a_member_reads_grouped_numbers(client: FlaskClient, session: Session, anna: Member) -> None:
    sign_in(client, session.get_one(User, anna.user_id))
    pages = {path: client.get(path).text for path in (HUB, f"{HUB}/rewards/boat/redeem", f"{HUB}/rewards/ship/redeem")}
    pages["redeem"] = send(client, f"{HUB}/rewards/boat/redeem")
    pages["too dear"] = send(client, f"{HUB}/rewards/ship/redeem")
    hold = re.findall(r'action="([^"]+/cancel)"', pages["redeem"])[0]
    pages["cancel"] = send(client, hold)
    pages["referrals"] = client.get("/account/referrals").text

    assert "1,234,567" in pages["cancel"]
    assert {name: wrong(page) for name, page in pages.items()} == {name: [] for name in pages}


def test_staff_read_grouped_numbers(client: FlaskClient, session: Session, anna: Member) -> None:
    capture_snapshot(session, clock.now(), ZoneInfo("UTC"))
    file = BytesIO(f"user_id,email,name,points\nbo,bo@example.com,Bo,{MANY}\n".encode())
    staged = stage_import(session, file, "bo.csv", Act("user:x", clock.now()), over_staff=False, most=10, rules=RULES)
    sign_in(client, make_user(session, id="amy", role="admin"))
    acts = {
        "adjust": send(client, "/admin/members/anna/adjust", points=str(-20 * MANY), reason="r", description="d"),
        "import": client.get(f"/admin/imports/{ids.encode(staged.id)}/apply").text,
        "tier": send(
            client, "/admin/programme/new-tier", slug="tin", name="Tin", threshold=str(MANY), active="y", reason="r"
        ),
    }
    seen: dict[str, str] = {}
    left = ["/admin/", "/admin/members/anna"]
    while left:
        path = left.pop()
        page = client.get(path)
        seen[path] = page.text if page.mimetype == "text/html" else ""
        fresh = [link for link in links_of(seen[path]) if link.startswith("/admin") and "format=csv" not in link]
        left += [link for link in fresh if not _known(link, [*seen, *left])]

    assert len(seen) > 40
    assert "1,234,567" in acts["import"]
    assert {path: wrong(page) for path, page in {**acts, **seen}.items() if wrong(page)} == {}


def _known(link: str, paths: list[str]) -> bool:
    """Whether the page at this link has been read, whatever its filters."""
    return urlsplit(link).path in {urlsplit(path).path for path in paths}


def test_messages_have_grouped_numbers(app: Portal, session: Session, anna: Member) -> None:
    facts = {"first_name": "Anna", "tier": {"name": "Silver", "benefits": []}}
    mail = render_loyalty_tier_upgrade({**facts, "next_tier": {"name": "Gold", "threshold": MANY}}, locale="de")
    assert "1,234,567" in mail.text
    assert not wrong(mail.html)

    for signal in SIGNALS.values():
        for channel in ChannelName:
            shown = preview_nudge(signal.name, channel)
            assert not UNGROUPED.findall(f"{shown.subject} {shown.text.split('http')[0]}")
