"""The console's list of members who owe points."""

from flask import Blueprint, Response

from portal.accounts.web import Access, guarded
from portal.desk.web.tables import OWING
from portal.platform.console.acts import show_table
from portal.platform.settings import current_settings

bp = Blueprint("owing_console", __name__, url_prefix="/admin/owed")


@bp.get("")
@guarded(Access.CONSOLE)
def list_owing() -> Response:
    """Members who owe points, those who owe most first, and what to do about it."""
    return show_table(OWING, "console/members/owing.html", months=current_settings().owed_write_off_months)
