"""Analytics endpoints."""

from apiflask import APIBlueprint
from flask import Response

from portal.accounts.guards import Access, guarded
from portal.analytics import queries
from portal.analytics.schemas import SnapshotPage
from portal.core.responses import json
from portal.core.schemas import Page

bp = APIBlueprint("analytics_api", __name__, url_prefix="/api/v1/loyalty", tag="Analytics")


@bp.get("/analytics/velocity")
@guarded(Access.ADMIN)
@bp.input(Page, location="query", arg_name="query")
@bp.output(SnapshotPage)
def list_snapshots(query: Page) -> Response:
    """List the nightly snapshots, newest first."""
    return json(queries.list_snapshots(limit=query.limit, cursor=query.cursor))
