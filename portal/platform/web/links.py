"""`url_for` in templates: a page has dozens of links, most of which every page has, so each is built once."""

from functools import lru_cache
from typing import Any

from flask import Flask, request

MAX_KEPT = 4096


def init_app(app: Flask) -> None:
    """Give templates a `url_for` that keeps the paths it has built, by arguments and by where the app is mounted."""

    @lru_cache(maxsize=MAX_KEPT)
    def kept(root: str, endpoint: str, *values: tuple[str, Any]) -> str:
        return app.url_for(endpoint, **dict(values))

    def url_for(endpoint: str, **values: Any) -> str:
        if "_external" in values:
            return app.url_for(endpoint, **values)
        try:
            root = request.environ.get("SCRIPT_NAME", "")
            return kept(root, endpoint, *values.items())
        except (TypeError, RuntimeError):  # a list, which is no key; or a message, rendered outside a request
            return app.url_for(endpoint, **values)

    app.jinja_env.globals["url_for"] = url_for
