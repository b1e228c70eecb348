"""Every route, every caller: guards let in whom CONTRACT 2 and 3 name and turn others away as CONTRACT 1 says.

Who adds a route adds its line to `routes.txt`; the failing test says which.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Response
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from portal.accounts import models
from portal.accounts.web.guards import Access, access_of
from portal.platform import clock, ids
from portal.platform.db import db, unit_of_work
from portal.platform.web.application import Portal
from tests import databases
from tests.factories.accounts import bearer, csrf, make_token, make_user, sign_in

ROUTES = Path(__file__).with_name("routes.txt")
MEMBER, OTHER = "the-member", "another-member"
SOME_ID = ids.encode(ids.new_id())
SCOPES = {
    "member": ("member", None),
    "member for the member": ("member", MEMBER),
    "member for another": ("member", OTHER),
    "checkout": ("checkout", None),
    "checkout for the member": ("checkout", MEMBER),
    "orders": ("orders", None),
    "orders for the member": ("orders", MEMBER),
    "admin": ("admin", None),
    "admin for the member": ("admin", MEMBER),
}
PEOPLE = {MEMBER: "member", OTHER: "member", "operator": "operator", "admin": "admin"}
CALLERS = ("anonymous", *PEOPLE, *(f"scope {name}" for name in SCOPES))
DEAD = ("revoked token", "expired token")

# "in": the view is reached. "out": 401, or the sign-in page for pages. Else the status of the refusal.
EXPECTED = {
    #                          nobody member other operator admin scope member       checkout    orders      admin
    #                                                             -   member other   -   member  -   member  -   member
    Access.PUBLIC: "in     in     in    in       in    in  in     in      in  in      in  in      in  in",
    Access.ANY_PRINCIPAL: "out    in     in    in       in    in  in     in      in  in      in  in      in  in",
    Access.MEMBER: "out    in     in    in       in    400 in     in      403 403     403 403     400 in",
    Access.MEMBER_OR_ADMIN: "out    in     in    in       in    400 in     in      403 403     403 403     in  in",
    Access.SELF_OR_ADMIN: "out    in     404   in       in    400 in     404     403 403     403 403     in  in",
    Access.CHECKOUT_OR_ADMIN: "out    403    403   in       in    403 403    403     in  in      403 403     in  in",
    Access.CHECKOUT_OR_MEMBER: "out    in     in    in       in    403 403    403     in  in      403 403     in  in",
    Access.ORDERS_OR_ADMIN: "out    403    403   in       in    403 403    403     403 403     in  in      in  in",
    Access.ORDER_READER: "out    in     in    in       in    400 in     in      403 403     in  in      in  in",
    Access.QUOTE: "out    in     in    in       in    in  in     in      in  in      in  in      in  in",
    Access.ADMIN: "out    403    403   in       in    403 403    403     403 403     403 403     in  in",
    Access.OWNER: "out    403    403   403      in    403 403    403     403 403     403 403     in  in",
    Access.PAGE: "out    in     in    in       in    403 403    403     403 403     403 403     403 403",
    Access.CONSOLE: "out    404    404   in       in    404 404    404     404 404     404 404     404 404",
    Access.CONSOLE_OWNER: "out    404    404   403      in    404 404    404     404 404     404 404     404 404",
}


@pytest.fixture(scope="module")
def probed(servers: databases.Servers) -> Iterator[Portal]:
    """The application on a database of its own, stopping every request that its guards let through."""
    application = databases.make_app(servers, servers.create("permissions"))
    application.before_request(lambda: Response("reached", headers={"X-Reached": "yes"}))
    yield application
    with application.app_context():
        db.engine.dispose()
    servers.drop("permissions")


@pytest.fixture(scope="module")
def callers(probed: Portal) -> dict[str, tuple[FlaskClient, dict[str, str]]]:
    """A client and the headers of every caller."""
    past = clock.now() - timedelta(seconds=1)
    found: dict[str, tuple[FlaskClient, dict[str, str]]] = {}
    with probed.app_context(), unit_of_work() as session:
        for name in ("anonymous", *PEOPLE):
            client = probed.test_client()
            if name in PEOPLE:
                sign_in(client, make_user(session, id=name, role=PEOPLE[name]))
            found[name] = client, {"X-CSRFToken": csrf(client)}
        for name, (scope, user_id) in SCOPES.items():
            found[f"scope {name}"] = probed.test_client(), bearer(make_token(session, scope), user_id)
        for name, fields in zip(DEAD, ({"revoked_at": past}, {"expires_at": past}), strict=True):
            client = probed.test_client()
            token = make_token(session, "admin", **fields)
            found[name] = client, {**bearer(token, MEMBER), "X-CSRFToken": csrf(client)}
    return found


def routes(app: Portal) -> Iterator[tuple[Rule, str]]:
    """Every route with each of its methods; files of `static/` have no caller to check."""
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            if rule.endpoint != "static":
                yield rule, method


def line(app: Portal, rule: Rule, method: str) -> str:
    """The line of a route in `routes.txt`."""
    with app.app_context():
        access = access_of(rule.endpoint)
    return f"{rule.rule} {method} {access.name if access else 'UNGUARDED'}"


def path(rule: Rule) -> str:
    """A path of this route: the member's own where it names a user, the first word where it offers several, some id."""
    known = re.sub(r"<(?:\w+:)?user_id>", MEMBER, re.sub(r"<any\((\w+)[^>]*>", r"\1", rule.rule))
    return re.sub(r"<[^>]+>", "1", re.sub(r"<ulid:[^>]+>", SOME_ID, known))


def outcome(answer: TestResponse) -> str:
    """How the guards answered."""
    if answer.headers.get("X-Reached"):
        return "in"
    signs_in = answer.status_code == 303 and (answer.location or "").startswith("/login")
    return "out" if signs_in or answer.status_code == 401 else str(answer.status_code)


def is_problem(answer: TestResponse) -> bool:
    """Whether a refusal is problem+json, with a challenge exactly when credentials are missing (CONTRACT 1)."""
    challenged = "WWW-Authenticate" in answer.headers
    return answer.content_type == "application/problem+json" and challenged is (answer.status_code == 401)


def expected(app: Portal, rule: Rule, caller: str) -> str:
    """How they should."""
    with app.app_context():
        access = access_of(rule.endpoint)
    if caller in DEAD:
        return EXPECTED[Access.PUBLIC].split()[0] if access is Access.PUBLIC else "out"
    return EXPECTED[access].split()[CALLERS.index(caller)] if access else "a guard"


def test_every_route_is_listed_with_its_guard(app: Portal) -> None:
    listed = ROUTES.read_text().splitlines()
    served = {line(app, rule, method) for rule, method in routes(app)}
    new, gone = sorted(served - set(listed)), sorted(set(listed) - served)
    assert not new, f"add to {ROUTES.name}, in order:\n" + "\n".join(new)
    assert not gone, f"take from {ROUTES.name}:\n" + "\n".join(gone)
    assert listed == sorted(set(listed)), f"sort {ROUTES.name}"


def test_every_route_has_a_guard(app: Portal) -> None:
    bare = [line(app, rule, method) for rule, method in routes(app) if line(app, rule, method).endswith("UNGUARDED")]
    assert not bare, "mark with @guarded(Access.X):\n" + "\n".join(bare)


def test_every_kind_of_access_is_expected() -> None:
    assert set(EXPECTED) == set(Access)
    assert {len(row.split()) for row in EXPECTED.values()} == {len(CALLERS)}


def test_every_scope_calls() -> None:
    assert {scope for scope, _ in SCOPES.values()} == set(models.SCOPES)


def test_who_must_be_the_user_of_the_path_finds_one_there(app: Portal) -> None:
    for rule, method in routes(app):
        if line(app, rule, method).endswith(Access.SELF_OR_ADMIN.name):
            assert "user_id" in rule.arguments, rule


@pytest.mark.parametrize("caller", [*CALLERS, *DEAD])
def test_guards_answer_this_caller(
    probed: Portal, callers: dict[str, tuple[FlaskClient, dict[str, str]]], caller: str
) -> None:
    client, headers = callers[caller]
    wrong = []
    for rule, method in routes(probed):
        answer = client.open(path(rule), method=method, headers=headers)
        if outcome(answer) != expected(probed, rule, caller):
            found = f"{outcome(answer)}, expected {expected(probed, rule, caller)}"
            wrong.append(f"{line(probed, rule, method)}: {found}")
        elif rule.rule.startswith("/api/v1/") and outcome(answer) != "in" and not is_problem(answer):
            wrong.append(f"{line(probed, rule, method)}: refused with {answer.status}, but not as a problem")
    assert not wrong, "\n".join(wrong)
