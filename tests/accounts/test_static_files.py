"""Only assets are served from `static/`."""

import pytest
from flask.testing import FlaskClient


def test_a_stylesheet_is_served(client: FlaskClient) -> None:
    assert client.get("/static/css/tokens.css").status_code == 200


@pytest.mark.parametrize("name", ["package.json", "package-lock.json", "node_modules/axe-core/axe.min.js"])
def test_what_assets_are_made_from_is_not(client: FlaskClient, name: str) -> None:
    assert client.get(f"/static/{name}").status_code == 404
