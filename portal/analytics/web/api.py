"""Analytics endpoints."""

from apiflask import APIBlueprint
from flask import Response

from portal.accounts.web import Access, guarded
from portal.analytics import reads
from portal.analytics.web.schemas import SnapshotPage
from portal.platform.schemas import Page
from portal.platform.web.responses import json

bp = APIBlueprint("analytics_api", __name__, url_prefix="/api/v1/loyalty", tag="Analytics")


@bp.get("/analytics/velocity")
@guarded(Access.ADMIN)
@bp.input(Page, location="query", arg_name="query")
@bp.output(SnapshotPage)
def list_snapshots(query: Page) -> Response:
    """List the nightly snapshots, newest first."""
    return json(reads.list_snapshots(limit=query.limit, cursor=query.cursor))
