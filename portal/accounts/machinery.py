"""Routes of the machinery, guarded like every other: health, metrics, brand stylesheet, API docs."""

from typing import Any, cast

from apiflask import APIFlask
from flask import Blueprint, Response, current_app, make_response, render_template

from portal.accounts.guards import Access, access_of, guarded
from portal.core import branding, health, metrics, typescript

bp = Blueprint("core", __name__)
_public = guarded(Access.PUBLIC)

bp.add_url_rule("/healthz", view_func=_public(health.healthz))
bp.add_url_rule("/readyz", view_func=_public(health.readyz))
bp.add_url_rule("/metrics", view_func=_public(metrics.metrics))
bp.add_url_rule("/brand.css", view_func=_public(branding.brand_css))


@bp.get("/api/docs")
@guarded(Access.PUBLIC)
def docs() -> Response:
    """The API, readable: every operation with who may call it, its parameters and its shapes."""
    return make_response(render_template("layouts/api_docs.html", spec=_spec(), access=_access()))


@bp.get("/api/v1/types.d.ts")
@guarded(Access.PUBLIC)
def types() -> Response:
    """TypeScript declarations of every shape."""
    return Response(typescript.declarations(_spec()), content_type="text/plain; charset=utf-8")


def _spec() -> dict[str, Any]:
    return cast("dict[str, Any]", cast("APIFlask", current_app).spec)


def _access() -> dict[str, str]:
    """Who may call an operation, by its path and method as the document writes them."""
    found = {}
    for rule in current_app.url_map.iter_rules():
        access = access_of(rule.endpoint)
        path = rule.rule.replace("<", "{").replace(">", "}")
        for method in rule.methods or ():
            found[f"{method.lower()} {path}"] = access.value if access else ""
    return found
