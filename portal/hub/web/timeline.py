"""The member's timeline, for the storefront and for the hub's own history."""

from apiflask import APIBlueprint
from flask import Response, make_response, render_template

from portal.accounts.web import Access, current_user_id, guarded, in_parts
from portal.hub.timeline import list_timeline
from portal.hub.web.timeline_schemas import TimelinePage, TimelineQuery
from portal.platform.web.responses import by_htmx, json

bp = APIBlueprint("timeline_api", __name__, url_prefix="/app/api/loyalty", tag="Members")


@bp.get("/timeline")
@guarded(Access.PAGE)
@in_parts
@bp.input(TimelineQuery, location="query", arg_name="query")
@bp.output(TimelinePage)
def show_timeline(query: TimelineQuery) -> Response:
    """Show the signed-in member's timeline, newest first; HTMX gets it as a part of the hub."""
    page = list_timeline(current_user_id(), query.types, limit=query.limit, cursor_token=query.cursor_token)
    if not by_htmx():
        return json(page.serialize())
    part = "hub/_history_items.html" if query.cursor_token else "hub/_history.html"
    return make_response(render_template(part, timeline=page, kinds=query.types, fragment=True))
