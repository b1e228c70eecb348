"""Forms of the hub."""

from portal.core.forms import OnceForm


class RedeemForm(OnceForm):
    """Asks once whether to hold the points."""
