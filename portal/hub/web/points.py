"""Why a point change of the member's history is what it is."""

from uuid import UUID

from flask import Blueprint, Response, make_response, render_template
from flask_login import current_user

from portal.accounts.web import Access, current_user_id, guarded
from portal.ledger import get_explained_entry, labels_of
from portal.platform.web.languages import in_readers_language
from portal.platform.web.responses import by_htmx

bp = Blueprint("points", __name__)


@bp.get("/account/loyalty/points/<ulid:entry_id>")
@guarded(Access.PAGE)
@in_readers_language
def explain(entry_id: UUID) -> Response:
    """Explain a point change of the signed-in member: in the dialog for HTMX, else on a page of its own."""
    entry = get_explained_entry(entry_id, current_user_id())
    title = labels_of(entry["entryType"]).title.format(what=entry["description"])
    template = "hub/_why.html" if by_htmx() else "hub/why.html"
    return make_response(render_template(template, entry=entry, title=title, user=current_user))
