"""The programme's brand: name, colour and logo from settings, as template globals and a stylesheet."""

from flask import Flask, Response, make_response, render_template

from portal.platform.brand.colours import text_on
from portal.platform.settings import current_settings


def programme() -> dict[str, object]:
    """What templates get as `programme`."""
    settings = current_settings()
    return {
        "name": settings.programme_name,
        "colour": settings.programme_colour,
        "contrast": text_on(settings.programme_colour),
        "logo_url": settings.programme_logo_url or None,
        "support_email": settings.programme_support_email or None,
        "locale": settings.programme_locale,
        "timezone": settings.programme_timezone.key,
    }


def brand_css() -> Response:
    """The stylesheet with the programme's design tokens."""
    response = make_response(render_template("layouts/brand.css", programme=programme()))
    response.mimetype = "text/css"
    response.headers["Cache-Control"] = "public, max-age=300"
    return response


def init_app(app: Flask) -> None:
    """Give every template the variable `programme`."""
    app.context_processor(lambda: {"programme": programme()})
