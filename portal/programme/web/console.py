"""The console of the programme's settings: what is in force, what it means, and where it is changed."""

from flask import Blueprint, Response, redirect, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal.accounts.web import Access, guarded
from portal.platform.console.acts import show
from portal.platform.settings import current_settings
from portal.programme.settings import list_settings

bp = Blueprint("programme_console", __name__, url_prefix="/admin/programme")


@bp.get("")
@guarded(Access.CONSOLE)
def overview() -> AnyResponse:
    """Redirect to the tiers, the first page of the programme."""
    return redirect(url_for("tiers_console.tiers"), 303)


@bp.get("/settings")
@guarded(Access.CONSOLE_OWNER)
def settings() -> Response:
    """Every setting with its value, default and meaning; secrets stay hidden."""
    return show("console/programme/settings.html", groups=list_settings(current_settings()))
