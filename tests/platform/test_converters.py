"""Ids in paths."""

import pytest
from werkzeug.routing import MapAdapter

from portal.platform import ids
from portal.platform.web.application import Portal

PATH = "/api/v1/loyalty/redemptions/{}/cancel"


@pytest.fixture
def urls(app: Portal) -> MapAdapter:
    """The portal's paths."""
    return app.url_map.bind("localhost")


def test_a_path_gives_its_id(urls: MapAdapter) -> None:
    made = ids.new_id()
    for shown in (ids.encode(made), ids.encode(made).lower()):
        assert urls.match(PATH.format(shown), "POST")[1] == {"redemption_id": made}


def test_a_path_that_shows_none_leads_to_its_route_still(urls: MapAdapter) -> None:
    for shown in ("x", "U" * 26, "a b", "%"):
        endpoint, values = urls.match(PATH.format(shown), "POST")
        assert (endpoint, values) == ("redemptions_api.cancel", {"redemption_id": ids.NO_ID})


def test_a_path_is_built_from_an_id_and_from_what_shows_it(urls: MapAdapter) -> None:
    made = ids.new_id()
    for given in (made, ids.encode(made)):
        built = urls.build("redemptions_api.cancel", {"redemption_id": given}, method="POST")
        assert built == PATH.format(ids.encode(made))
