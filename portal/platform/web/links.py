"""`url_for` in templates: a page has dozens of links, most of them on every page, so each is built once."""

from functools import lru_cache
from typing import Any

from flask import Flask, request

MAX_KEPT = 4096


def init_app(app: Flask) -> None:
    """Give templates a `url_for` that caches the paths it has built, by arguments and by the app's mount point."""

    @lru_cache(maxsize=MAX_KEPT)
    def kept(root: str, endpoint: str, *values: tuple[str, Any]) -> str:
        return app.url_for(endpoint, **dict(values))

    def url_for(endpoint: str, **values: Any) -> str:
        if "_external" in values:
            return app.url_for(endpoint, **values)
        try:
            root = request.environ.get("SCRIPT_NAME", "")
            return kept(root, endpoint, *values.items())
        except (TypeError, RuntimeError):  # an unhashable value such as a list, or a message rendered outside a request
            return app.url_for(endpoint, **values)

    app.jinja_env.globals["url_for"] = url_for
