"""`flask demo load`."""

import click
from flask.cli import AppGroup

from portal.hub.demo.load import NOTICE, NotEmpty, close_demo, load_demo
from portal.hub.demo.nudges import remind
from portal.platform.db import unit_of_work
from portal.platform.settings import current_settings

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
    remind()
    click.echo(NOTICE)


@demo.command("close")
def close() -> None:
    """Close the demo's sign-ins, whose password everyone knows; a production start does it by itself."""
    with unit_of_work() as session:
        closed = close_demo(session)
    click.echo(f"Closed: {', '.join(closed)}." if closed else "No sign-in of the demo is open.")
