"""`flask users` and `flask tokens`."""

from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.accounts.models import ApiToken, User
from portal.accounts.passwords import verify_password
from portal.accounts.principal import hash_token
from portal.core.edge import Portal
from portal.core.models import AuditEntry
from tests.factories.accounts import make_user

PASSWORD = "correct horse battery"


@pytest.fixture
def run(app: Portal, session: Session) -> Any:
    def command(line: str, stdin: str | None = None) -> Result:
        session.flush()
        return app.test_cli_runner().invoke(args=line.split(), input=stdin)

    return command


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
) -> None:  # fmt: skip
    make_user(session, id="taken", email="taken@example.com")
    result = run(f"users create --password-stdin {options}", password)
    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("scopes", ["--scope member --scope checkout", "--scope member checkout"])
def test_a_token_is_printed_alone(run: Any, session: Session, scopes: str) -> None:
    result = run(f"tokens create --name shop {scopes} --expires-in-days 30")
    assert result.exit_code == 0
    token = session.scalars(select(ApiToken)).one()
    assert token.token_hash == hash_token(result.stdout.removesuffix("\n"))
    assert token.scopes == ["member", "checkout"]
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
