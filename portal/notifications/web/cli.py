"""`flask vapid`."""

from base64 import urlsafe_b64encode

import click
from py_vapid import Vapid


@click.command("vapid")
def vapid() -> None:
    """Make a key for VAPID_PRIVATE_KEY and print it."""
    made = Vapid()
    made.generate_keys()
    number = made.private_key.private_numbers().private_value
    click.echo(urlsafe_b64encode(number.to_bytes(32, "big")).rstrip(b"=").decode())
