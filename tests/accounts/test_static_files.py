"""Only assets are served from `static/`, whatever the path looks like."""

import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

TEMPLATES = Path(__file__).parents[2] / "templates"
NOT_SERVED = [
    "package.json",
    "package-lock.json",
    "node_modules/axe-core/axe.min.js",
    "./package.json",
    "css/../package.json",
    "css/./../package.json",
    "js//../package.json",
    "/package.json",
    "//package.json",
    "PACKAGE.JSON",
    "Package.json",
    "package.json/",
    "%2e/package.json",
    ".%2fpackage.json",
    "%2e%2e/static/package.json",
    "css%2f..%2fpackage.json",
    "..%5cpackage.json",
    "css\\..\\package.json",
    "package.json%00.css",
    "css/../../wsgi.py",
    "../wsgi.py",
    "./node_modules/htmx.org/package.json",
    "node_modules%2fhtmx.org%2fpackage.json",
    ".package-lock.json",
    "vendor/./htmx/htmx.min.js",
    "css",
    "css/",
    "",
    ".",
]


def test_a_stylesheet_is_served(client: FlaskClient) -> None:
    assert client.get("/static/css/tokens.css").status_code == 200


def test_what_the_pages_name_is_served(client: FlaskClient) -> None:
    named = {
        name for path in TEMPLATES.rglob("*.html") for name in re.findall(r'filename="([^"~]+\.\w+)"', path.read_text())
    }
    assert len(named) > 10
    assert {name: client.get(f"/static/{name}").status_code for name in named if name[0] != "."} == dict.fromkeys(
        named, 200
    )
    assert client.get("/static/sw.js").status_code == 200


@pytest.mark.parametrize("name", NOT_SERVED)
def test_what_assets_are_made_from_is_not(client: FlaskClient, name: str) -> None:
    assert client.get(f"/static/{name}").status_code == 404
