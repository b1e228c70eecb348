"""`flask ledger verify`."""

import sys

import click
from flask.cli import AppGroup

from portal.ledger.verify import CHECKS, verify_ledger
from portal.platform.db import unit_of_work
from portal.platform.documents import to_json

ledger = AppGroup("ledger", help="Check the ledger.")


@ledger.command("verify")
def verify() -> None:
    """Recompute balances, holds, lots, tiers and what orders granted; exit 1 and list the differences when any."""
    with unit_of_work() as session:
        differences = verify_ledger(session)
    for difference in differences:
        click.echo(to_json(difference).decode())
    if differences:
        click.echo(f"{len(differences)} differences", err=True)
        sys.exit(1)
    click.echo(f"The ledger is consistent: {len(CHECKS)} checks, no difference.")
