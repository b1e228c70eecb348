"""`flask users` and `flask tokens`."""

import re
from datetime import timedelta
from typing import Any

import orjson
import pytest
from click.testing import Result
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.accounts.models import ApiToken, User
from portal.accounts.passwords import verify_password
from portal.accounts.tokens import hash_token
from portal.platform import clock
from portal.platform.models import AuditEntry, OutboxMessage
from portal.platform.web.application import Portal
from tests.factories.accounts import csrf, make_token, make_user

PASSWORD = "correct horse battery"


@pytest.fixture
def run(app: Portal, session: Session) -> Any:
    def command(line: str, stdin: str | None = None) -> Result:
        session.flush()
        return app.test_cli_runner().invoke(args=line.split(), input=stdin)

    return command


def reset(client: FlaskClient, link: str, password: str) -> Any:
    return client.post(link, data={"password": password, "csrf_token": csrf(client)})


def test_a_user_is_made_with_the_password_from_stdin(run: Any, session: Session) -> None:
    result = run("users create --email Op@Example.com --password-stdin --role operator --user-id op-1", f"{PASSWORD}\n")
    assert (result.exit_code, result.stdout) == (0, "op-1\n")
    user = session.get_one(User, "op-1")
    assert (user.email, user.role, user.name) == ("op@example.com", "operator", "Op")
    assert verify_password(user, PASSWORD)
    assert session.scalars(select(AuditEntry)).one().actor == "cli"


def test_an_address_is_verified_and_taken_over_from_whoever_has_not_confirmed_it(run: Any, session: Session) -> None:
    make_user(session, id="eve", email="ada@example.com", email_verified_at=None)
    result = run("users create --email ada@example.com --user-id ada --password-stdin", PASSWORD)
    assert result.exit_code == 0, result.output
    session.expire_all()
    assert (session.get_one(User, "eve").email, session.get_one(User, "ada").email_verified_at is None) == (None, False)
    assert run("users create --email ada@example.com --password-stdin", PASSWORD).exit_code == 1


def test_without_an_id_the_portal_chooses_one(run: Any, session: Session) -> None:
    result = run("users create --email ada@example.com --name Ada --password-stdin", PASSWORD)
    user = session.scalars(select(User)).one()
    assert (result.stdout, user.role, user.name) == (f"{user.id}\n", "member", "Ada")
    assert len(user.id) == 26


@pytest.mark.parametrize(
    ("options", "password", "said"),
    [
        ("--email ada", PASSWORD, "email"),
        ("--email ada@example.com", "too short", "at least 10 characters"),
        ("--email ada@example.com", "", "at least 10 characters"),
        ("--email taken@example.com", PASSWORD, "Another user has this email address"),
        ("--email ada@example.com --user-id taken", PASSWORD, "Another user has this id"),
        ("--email ada@example.com --user-id a/b", PASSWORD, "userId"),
    ],
)
def test_what_cannot_be_made_is_one_line_and_exit_1(
    run: Any, session: Session, options: str, password: str, said: str
) -> None:
    make_user(session, id="taken", email="taken@example.com")
    result = run(f"users create --password-stdin {options}", password)
    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("scopes", "kept"),
    [
        ("--scope member --scope checkout", ["member", "checkout"]),
        ("--scope member checkout", ["member", "checkout"]),
        ("--scope orders", ["orders"]),
    ],
)
def test_a_token_is_printed_alone(run: Any, session: Session, scopes: str, kept: list[str]) -> None:
    result = run(f"tokens create --name shop {scopes} --expires-in-days 30")
    assert result.exit_code == 0
    token = session.scalars(select(ApiToken)).one()
    assert token.token_hash == hash_token(result.stdout.removesuffix("\n"))
    assert token.scopes == kept
    assert token.expires_at is not None


def test_a_token_is_revoked_by_name(run: Any, session: Session) -> None:
    run("tokens create --name shop --scope admin")
    assert run("tokens revoke shop").exit_code == 0
    assert session.scalars(select(ApiToken)).one().revoked_at is not None


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("tokens create --name shop --scope owner", "scopes"),
        ("tokens create --name shop --scope member owner", "scopes"),
        ("tokens create --name old --scope member", "There is a token with this name"),
        ("tokens create --name shop --scope member --expires-in-days 0", "expiresInDays"),
        ("tokens revoke nobody", "no token named 'nobody'"),
    ],
)
def test_refused_token_commands_are_one_line_and_exit_1(run: Any, line: str, said: str) -> None:
    run("tokens create --name old --scope member")
    result = run(line)
    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def link_of(result: Result) -> str:
    found = re.search(r"^http://localhost(/password/reset/\S+)$", result.stdout, re.MULTILINE)
    assert found is not None, result.output
    return found[1]


@pytest.mark.parametrize("role", ["member", "operator", "admin"])
def test_without_a_password_a_link_to_set_one_is_printed_and_works(
    run: Any, client: FlaskClient, session: Session, role: str
) -> None:
    result = run(f"users create --email ada@example.com --user-id ada --role {role}")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == "ada"
    assert "within 60 minutes" in result.stderr
    assert reset(client, link_of(result), "another long password").status_code == 303
    assert verify_password(session.get_one(User, "ada"), "another long password")
    assert client.get(link_of(result)).status_code == 410
    assert session.scalars(select(OutboxMessage).where(OutboxMessage.topic == "message.password_reset")).all() == []


def test_the_link_is_mailed_too_where_there_is_mail(app: Portal, run: Any, session: Session) -> None:
    before, app.config["SETTINGS"] = (
        app.config["SETTINGS"],
        app.config["SETTINGS"].model_copy(update={"email_url": "smtp://127.0.0.1:1", "public_url": "http://localhost"}),
    )
    try:
        result = run("users create --email ada@example.com --user-id ada")
    finally:
        app.config["SETTINGS"] = before
    assert "is on its way to ada@example.com" in result.stderr
    asked = session.scalars(select(OutboxMessage).where(OutboxMessage.topic == "message.password_reset")).one()
    assert asked.payload["user_id"] == "ada"


def test_users_are_listed_without_secrets(run: Any, session: Session) -> None:
    for number in range(3):
        make_user(session, id=f"u{number}", role=("member", "operator", "admin")[number], password=PASSWORD)
    result = run("users list")
    users = [orjson.loads(line) for line in result.stdout.splitlines()]
    assert [user["userId"] for user in users] == ["u0", "u1", "u2"]
    assert users[0]["hasPassword"] is True
    assert "argon2" not in result.stdout
    assert [orjson.loads(line)["userId"] for line in run("users list --role admin").stdout.splitlines()] == ["u2"]


def test_tokens_are_listed_with_their_state_and_without_secrets(run: Any, session: Session) -> None:
    secret = run("tokens create --name shop --scope member checkout").stdout.strip()
    run("tokens revoke shop")
    again = run("tokens create --name shop --scope admin").stdout.strip()
    make_token(session, "member", name="old", expires_at=clock.now() - timedelta(days=1))
    result = run("tokens list")
    listed = [orjson.loads(line) for line in result.stdout.splitlines()]
    assert [(token["name"], token["state"]) for token in listed] == [
        ("shop", "revoked"),
        ("shop", "active"),
        ("old", "expired"),
    ]
    assert listed[0]["createdBy"] == "cli"
    assert secret not in result.stdout
    assert again not in result.stdout


@pytest.mark.parametrize("command", ["users list", "tokens list"])
def test_an_empty_list_is_nothing(run: Any, command: str) -> None:
    result = run(command)
    assert (result.exit_code, result.stdout) == (0, "")


def test_a_name_is_revoked_where_it_lives(run: Any, session: Session) -> None:
    for _ in range(2):
        assert run("tokens create --name shop --scope admin").exit_code == 0
        assert run("tokens revoke shop").exit_code == 0
    assert run("tokens create --name shop --scope admin").exit_code == 0
    assert run("tokens create --name shop --scope admin").exit_code == 1
    live = select(ApiToken).where(ApiToken.revoked_at.is_(None))
    assert len(session.scalars(live).all()) == 1
