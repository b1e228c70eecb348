"""What goes wrong under `/admin` is said on a page of the console to staff, and as to any member to everybody else."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import request
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from portal.platform import ids, problems
from tests.factories.accounts import csrf, make_user, sign_in

CONSOLE, MEMBERS = 'class="sidenav"', "Go to your rewards"
ADMINS = ("/admin/access", "/admin/access/tokens", "/admin/access/tokens/new", "/admin/programme/settings")
STATUSES = [400, 403, 404, 405, 409, 413, 415, 422, 429, 500, 503]


def refused(client: FlaskClient, path: str = "/admin/access", **fields: str) -> TestResponse:
    return client.post(path, data=fields)


ERRORS: dict[str, tuple[int, Callable[[FlaskClient], TestResponse]]] = {
    "mistyped": (404, lambda client: client.get("/admin/membres")),
    "mistyped below": (404, lambda client: client.get("/admin/members/ada/nothing/here")),
    "gone": (404, lambda client: client.get(f"/admin/redemptions/{ids.encode(ids.new_id())}")),
    "no csrf": (400, lambda client: refused(client, "/admin/messages/suppressions/add", reason="x")),
    "wrong method": (405, lambda client: client.delete("/admin/members", headers={"X-CSRFToken": csrf(client)})),
    "wrong rows": (422, lambda client: client.get("/admin/members?limit=7")),
    "wrong order": (422, lambda client: client.get("/admin/audit?sort=actor")),
    "wrong date": (422, lambda client: client.get("/admin/audit?since=yesterday")),
    "old cursor": (400, lambda client: client.get("/admin/members?cursor=x")),
    "too large": (
        413,
        lambda client: refused(
            client, "/admin/messages/suppressions/add", reason="x" * 1_100_000, csrf_token=csrf(client)
        ),
    ),
}


@pytest.mark.parametrize("role", ["operator", "admin"])
@pytest.mark.parametrize("error", ERRORS)
def test_staff_see_a_page_of_the_console(client: FlaskClient, session: Session, role: str, error: str) -> None:
    sign_in(client, make_user(session, role=role))
    status, go_wrong = ERRORS[error]

    answer = go_wrong(client)

    assert answer.status_code == status
    assert CONSOLE in answer.text
    assert MEMBERS not in answer.text


@pytest.mark.parametrize("who", ["member", "stranger"])
@pytest.mark.parametrize("error", ERRORS)
def test_others_learn_nothing_of_the_console(client: FlaskClient, session: Session, who: str, error: str) -> None:
    if who == "member":
        sign_in(client, make_user(session))

    answer = ERRORS[error][1](client)

    assert CONSOLE not in answer.text
    assert "console" not in answer.text.lower()
    assert answer.status_code >= 400 or "/login" in answer.headers["Location"]


@pytest.mark.parametrize("path", ADMINS)
def test_operators_are_told_which_role_a_page_needs(client: FlaskClient, session: Session, path: str) -> None:
    sign_in(client, make_user(session, role="operator"))

    answer = client.get(path)

    assert answer.status_code == 403
    assert "This page needs the role admin; yours is operator." in answer.text
    assert CONSOLE in answer.text


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_has_its_words(client: FlaskClient, session: Session, status: int) -> None:
    sign_in(client, make_user(session, role="operator"))

    def fail() -> Any:
        return problems.answer("some_code", status, "Some title", "Some detail") if request.path == "/admin/" else None

    client.application.before_request_funcs.setdefault(None, []).append(fail)
    try:
        answer = client.get("/admin/")
    finally:
        client.application.before_request_funcs[None].remove(fail)

    assert answer.status_code == status
    assert CONSOLE in answer.text
    assert "Your points" not in answer.text
    assert answer.text.count("<h1") == 1


def test_a_question_is_refused_where_it_was_asked(client: FlaskClient, session: Session) -> None:
    sign_in(client, make_user(session, role="operator"))
    dialog = {"HX-Request": "true", "HX-Target": "sheet-body"}
    table = {"HX-Request": "true", "HX-Target": "table-audit"}

    asked = client.get("/admin/access/tokens/new", headers=dialog)
    listed = client.get("/admin/audit?since=yesterday", headers=table)

    assert (asked.status_code, CONSOLE in asked.text, "needs the role admin" in asked.text) == (403, False, True)
    assert "HX-Retarget" not in asked.headers
    assert (listed.status_code, listed.headers["HX-Retarget"], CONSOLE in listed.text) == (422, "#content", True)


def test_an_unreadable_sign_in_shows_the_common_page(client: FlaskClient, session: Session) -> None:
    """Who somebody is cannot be told while the database fails: they are shown what everybody is."""
    sign_in(client, make_user(session, role="operator"))
    session.execute(text("ALTER TABLE auth_sessions RENAME TO away"))

    answer = client.get("/admin/")

    assert answer.status_code == 500
    assert "Something broke on our side" in answer.text
    assert CONSOLE not in answer.text
