"""Every form of the consoles, found by following links, is filled in and sent: what it wrote is in the audit log.

Each is refused before that, for want of a reason, and sent again as the page shows it then: on a page and in a dialog.

A form that needs more than its own defaults has a line in `FILLED`. One that only prepares a write has one in
`PREPARES`: it may leave no entry, and the form that completes it is looked for on the page it answers with.
"""

from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter

from portal.accounts.models import User
from portal.hub.demo.load import load_demo
from portal.members.models import Member
from portal.platform.db import db, unit_of_work
from portal.platform.models import AuditEntry
from tests.architecture.forms import Form, forms_of, links_of
from tests.architecture.troubles import make_troubles
from tests.factories.accounts import make_user, sign_in

WHY = "walked through the consoles"
SAMPLES = {"email": "walked@example.com", "number": "1", "date": "2100-01-31", "tel": "+4915123456789"}
FREE = {"starts_at": "", "ends_at": "", "image_url": "", "min_tier": ""}
WHENEVER = {"from_": "", "until": "", "cart-placed_at": "", "cart-tier": ""}
FILLED: dict[str, dict[str, Any]] = {
    "access_console.change_role": {"role": "operator"},
    "earning_console.create": WHENEVER,
    "earning_console.edit": {**WHENEVER, "name": "Walked"},
    "earning_console.preview": WHENEVER,
    "earning_console.preview_new": WHENEVER,
    "earning_console.try_draft": WHENEVER,
    "earning_console.try_new": WHENEVER,
    "earning_console.try_rules": WHENEVER,
    "member_acts.adjust": {"points": "1"},
    "imports_console.upload": {"file": b"user_id,email,name,points\nwalked,walked@example.com,Walked,50\n"},
    "orders_console.claim": {"user_id": "demo-ada"},
    "referrals_console.complete": {"code": "ADAWALKED", "referee_user_id": "demo-admin"},
    "referrals_console.issue": {"user_id": "demo-ada"},
    "rewards_console.create": FREE,
    "rewards_console.edit": {**FREE, "inventory": ""},
    "suppressions_console.add": {"channel": "email", "address": "walked@example.com"},
    "tiers_console.preview": {"threshold": "1234567", "position": ""},
}
TRIALS = {
    "earning_console.preview",
    "earning_console.preview_new",
    "earning_console.try_draft",
    "earning_console.try_new",
    "earning_console.try_rules",
}
PREPARES = {"imports_console.upload", "tiers_console.preview"} | TRIALS
DIALOG = {"HX-Request": "true", "HX-Target": "sheet-body"}
LEADS_ON = PREPARES | {"suppressions_console.add"}


@pytest.fixture
def admin(session: Session, client: FlaskClient) -> FlaskClient:
    """A client in which one of two admins is signed in, with the demo's year behind them."""
    load_demo(unit_of_work, client.application.config["SETTINGS"])
    sign_in(client, session.get_one(User, "demo-admin"))
    session.scalars(select(Member).where(Member.user_id == "demo-ada")).one().referral_code = "ADAWALKED"
    make_user(session, id="another-admin", role="admin")
    return client


@pytest.fixture
def troubles(session: Session, admin: FlaskClient) -> Iterator[list[str]]:
    """The pages about what does not happen in the demo."""
    with make_troubles(session) as paths:
        yield paths


def endpoint(urls: MapAdapter, path: str, method: str) -> str | None:
    try:
        return str(urls.match(urlsplit(path).path, method)[0])
    except HTTPException:
        return None


def filled(form: Form, name: str) -> dict[str, Any]:
    """The form with its empty controls filled in, as somebody does who knows what they want."""
    typed = {
        control: SAMPLES.get(kind, "walked" if kind in ("text", "textarea", "search") else kind)
        for control, kind in form.empty.items()
    }
    wanted = {"reason": WHY, **FILLED.get(name, {})}
    for control in form.files:
        wanted[control] = (BytesIO(wanted.pop("file")), "members.csv")
    return {**typed, **form.fields, **wanted}


def count_entries(session: Session) -> int:
    mine = (AuditEntry.actor == "user:demo-admin") & (AuditEntry.reason == WHY)
    return session.scalar(select(func.count()).select_from(AuditEntry).where(mine)) or 0


class Walk:
    """A walk through the consoles that sends each form once."""

    def __init__(self, client: FlaskClient, session: Session) -> None:
        self.client, self.session = client, session
        rules = [rule for rule in client.application.url_map.iter_rules() if rule.rule.startswith("/admin")]
        self.urls = client.application.url_map.bind("")
        self.writing = {rule.endpoint for rule in rules if "POST" in (rule.methods or ())}
        self.sent: dict[str, tuple[int, int]] = {}

    def through(self, path: str, seen: set[str]) -> None:
        """The page at this path and all that it leads to, each endpoint once."""
        left = [path]
        while left:
            path = left.pop(0)
            page = self.client.get(path, follow_redirects=True).text
            self.send_all(path, page, seen)
            for href in links_of(page):
                name = endpoint(self.urls, href, "GET") if href.startswith("/admin") else None
                if name is not None and name not in seen:
                    seen.add(name)
                    left.append(href)

    def send_all(self, path: str, page: str, seen: set[str], *, prepared: bool = False) -> None:
        """Send the forms of a page that were not sent yet; a prepared one as it is."""
        for form in forms_of(page, path):
            form = replace(form, empty={}) if prepared else form
            name = endpoint(self.urls, form.action, "POST")
            if form.method == "post" and name in self.writing and name not in self.sent:
                self.send(form, name, seen)

    def refuse(self, form: Form, name: str, headers: dict[str, str]) -> Form:
        """Send a form without a reason; as it is shown again then, which is a new question."""
        answer = self.client.post(form.action, data={**filled(form, name), "reason": " "}, headers=headers)
        shown = [again for again in forms_of(answer.text, form.action) if again.action == form.action]
        keys = [again.fields["idempotency_key"] for again in shown if "idempotency_key" in again.fields]
        assert answer.status_code == 422, name
        assert keys, f"{name} is not shown again"
        assert form.fields["idempotency_key"] not in keys, f"{name} is no new question"
        return replace(form, fields={**form.fields, "idempotency_key": keys[0]})

    def send(self, form: Form, name: str, seen: set[str]) -> None:
        """Send a form and undo what it did, unless it leads on: then what it leads to comes first."""
        if "idempotency_key" in form.fields:
            form = self.refuse(self.refuse(form, name, {}), name, DIALOG)
        undo, before = db.session.begin_nested(), count_entries(self.session)
        answer = self.client.post(form.action, data=filled(form, name))
        self.sent[name] = answer.status_code, count_entries(self.session) - before
        if name in LEADS_ON and answer.status_code == 303:
            self.through(answer.location, seen)
        elif name in LEADS_ON:
            self.send_all(form.action, answer.text, seen, prepared=True)
        undo.rollback()


def test_every_form_of_the_consoles_leaves_its_entry(admin: FlaskClient, session: Session, troubles: list[str]) -> None:
    walk, seen = Walk(admin, session), {"console.home"}

    for path in ["/admin/", *troubles]:
        walk.through(path, seen)

    assert walk.writing - set(walk.sent) == set(), "no page led to these forms"
    assert {name: outcome for name, outcome in walk.sent.items() if outcome[0] >= 400} == {}
    silent = {name for name, outcome in walk.sent.items() if outcome[1] < 1}
    assert silent <= PREPARES, "these wrote nothing to the audit log"
