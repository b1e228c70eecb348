"""Routes of the machinery, guarded like every other: health, metrics, brand stylesheet, API docs."""

from typing import cast

from apiflask import APIFlask
from flask import Blueprint, Response, current_app, make_response, render_template

from portal.accounts.guards import Access, guarded
from portal.core import branding, health, metrics

bp = Blueprint("core", __name__)
_public = guarded(Access.PUBLIC)

bp.add_url_rule("/healthz", view_func=_public(health.healthz))
bp.add_url_rule("/readyz", view_func=_public(health.readyz))
bp.add_url_rule("/metrics", view_func=_public(metrics.metrics))
bp.add_url_rule("/brand.css", view_func=_public(branding.brand_css))


@bp.get("/api/docs")
@guarded(Access.PUBLIC)
def docs() -> Response:
    """The API, readable: every operation with its guard, parameters and shapes."""
    return make_response(render_template("layouts/api_docs.html", spec=cast("APIFlask", current_app).spec))
