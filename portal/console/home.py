"""The operators' first page."""

from flask import Blueprint, Response

from portal.accounts.guards import Access, guarded
from portal.core.consoles import show

bp = Blueprint("console", __name__, url_prefix="/admin")


@bp.get("/")
@guarded(Access.CONSOLE)
def home() -> Response:
    """How the programme stands."""
    return show("console/home.html")
