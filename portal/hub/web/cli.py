"""`flask demo load`, which loads a shop with a year of history and sends its due nudges, and `flask demo close`."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from flask import current_app
from flask.cli import AppGroup

from portal.hub.demo.load import NOTICE, NotEmpty, close_demo, load_demo
from portal.nudges import aggregate_nudge_candidates, dispatch_batch
from portal.platform import clock
from portal.platform.db import unit_of_work
from portal.platform.settings import current_settings

PROVIDERS = ("email_url", "sms_url", "vapid_private_key")

demo = AppGroup("demo", help="Demo data.")


@demo.command("load")
def load() -> None:
    """Fill an empty portal with a shop that has a year behind it; prints the demo sign-ins."""
    settings = current_settings()
    if settings.production:
        raise click.ClickException("Everyone knows the passwords of demo data: it is not for production.")
    try:
        load_demo(unit_of_work, settings)
    except NotEmpty as error:
        raise click.ClickException(str(error)) from error
    _remind()
    click.echo(NOTICE)


@demo.command("close")
def close() -> None:
    """Close the demo's sign-ins, whose password everyone knows; a production start does it by itself."""
    with unit_of_work() as session:
        closed = close_demo(session)
    click.echo(f"Closed: {', '.join(closed)}." if closed else "No sign-in of the demo is open.")


def _remind() -> None:
    """Make the nudges that are due and send those that may be sent, all of them to the preview inbox."""
    with unit_of_work() as session:
        aggregate_nudge_candidates(session, clock.now())
    with _without_providers():
        while dispatch_batch() is not None:
            continue


@contextmanager
def _without_providers() -> Iterator[None]:
    """Run the block without providers, so that nothing is sent to the story's people, whatever is configured."""
    settings = current_app.config["SETTINGS"]
    current_app.config["SETTINGS"] = settings.model_copy(update=dict.fromkeys(PROVIDERS, ""))
    try:
        yield
    finally:
        current_app.config["SETTINGS"] = settings
