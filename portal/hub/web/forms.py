"""Forms of the hub."""

from portal.platform.web.forms import OnceForm


class RedeemForm(OnceForm):
    """Asks once whether to hold the points."""
