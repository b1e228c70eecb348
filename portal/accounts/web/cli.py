"""`flask users` and `flask tokens`."""

import sys
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy.exc import OperationalError

from portal.accounts import search
from portal.accounts import tokens as token_service
from portal.accounts.models import ROLES, SCOPES, User
from portal.accounts.passwords import make_reset_token
from portal.accounts.reset import request_reset
from portal.accounts.users import create_user
from portal.platform import clock
from portal.platform.audit import Act
from portal.platform.db import unit_of_work
from portal.platform.documents import Document, to_json
from portal.platform.problems import DomainError
from portal.platform.settings import current_settings
from portal.platform.text import plain_line

ACTOR = "cli"
users = AppGroup("users", help="Make and list users.")
tokens = AppGroup("tokens", help="Make, list and revoke API tokens.")


def _plainly(command: Callable[..., None]) -> Callable[..., None]:
    """End expected failures with one line on stderr and exit code 1."""

    @wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        try:
            command(*arguments, **options)
        except DomainError as error:
            raise click.ClickException(error.detail) from error
        except OperationalError as error:
            raise click.ClickException("The database cannot be reached; is the portal running?") from error

    return run


@users.command("create")
@click.option("--email", required=True)
@click.option("--name", default="", help="Default: what stands before the @.")
@click.option("--role", type=click.Choice(ROLES), default="member", show_default=True)
@click.option("--user-id", help="Default: the portal chooses one.")
@click.option("--password-stdin", is_flag=True, help="Read the password from stdin; else a link to set one is printed.")
@_plainly
def create(email: str, name: str, role: str, user_id: str | None, password_stdin: bool) -> None:
    """Create a user and print their id; without a password also a link by which they set one, once."""
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else None
    with unit_of_work() as session:
        user = create_user(
            session,
            email=email,
            name=plain_line(name) or email.partition("@")[0],
            user_id=user_id,
            role=role,
            password=password,
            actor=ACTOR,
        )
        if password is None and current_settings().email_url:
            request_reset(session, email)
    click.echo(user.id)
    if password is None:
        _echo_link(user)


def _echo_link(user: User) -> None:
    settings = current_settings()
    click.echo(f"{settings.base_url}/password/reset/{make_reset_token(user)}")
    sent = f", and is on its way to {user.email}" if settings.email_url else ""
    click.echo(f"The link sets a password once, within {settings.password_reset_minutes} minutes{sent}.", err=True)


@users.command("list")
@click.option("--role", type=click.Choice(ROLES), help="Default: everybody.")
@_plainly
def list_users(role: str | None) -> None:
    """List users by id, one JSON object a line."""
    _echo_lines(search.list_users(role))


def _echo_lines(documents: Iterable[Document]) -> None:
    for document in documents:
        click.echo(to_json(document))


@tokens.command("create")
@click.option("--name", required=True)
@click.option("--scope", "scopes", multiple=True, required=True, help=f"One or more of {', '.join(SCOPES)}.")
@click.option("--expires-in-days", "days", type=int, help="Default: it lives until it is revoked.")
@click.argument("more_scopes", nargs=-1, metavar="[SCOPE]...")
@_plainly
def create_token(name: str, scopes: tuple[str, ...], days: int | None, more_scopes: tuple[str, ...]) -> None:
    """Create a token and print it, alone and only now."""
    with unit_of_work() as session:
        _, secret = token_service.create_token(
            session, Act(ACTOR, clock.now()), name=name, scopes={*scopes, *more_scopes}, days=days
        )
    click.echo(secret)


@tokens.command("list")
@_plainly
def list_tokens() -> None:
    """List tokens, live and ended, one JSON object a line; never their secrets."""
    _echo_lines(search.list_tokens())


@tokens.command("revoke")
@click.argument("name")
@_plainly
def revoke_token(name: str) -> None:
    """Revoke a token at once."""
    with unit_of_work() as session:
        token = token_service.find_token(session, name)
        token_service.revoke_token(session, token.id, Act(ACTOR, clock.now()))
    click.echo(f"{name} is revoked.", err=True)
