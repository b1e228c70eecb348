"""Production as it is documented: it starts, and people and mails find their way through the proxy."""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.resilience.production import OPERATING, Production, production
from tests.sink import Sink, running_sink, wait_for

API = "/api/v1"
PASSWORD = "a long and quiet river"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A place with a short path."""
    with tempfile.TemporaryDirectory(prefix="prod-") as made:
        yield Path(made)


@pytest.fixture(scope="module")
def post() -> Iterator[Sink]:
    """The mail server."""
    with running_sink() as started:
        yield started


@pytest.fixture(scope="module")
def portal(folder: Path, post: Sink) -> Iterator[Production]:
    """Production, upgraded and running behind nginx."""
    with production(folder, EMAIL_URL=post.url) as made:
        made.flask("db", "upgrade")
        made.flask("db", "upgrade")
        with made.proxied(), made.running():
            yield made


def call(portal: Production, token: str, method: str, path: str, body: dict[str, Any]) -> Any:
    answer = portal.browser().session.request(
        method, portal.url + API + path, json=body, headers={"Authorization": f"Bearer {token}"}, timeout=30
    )
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


def links(mail: Any, portal: Production) -> list[str]:
    found = re.findall(r"https?://[^\s\"<>]+", mail.get_body(("plain",)).get_content())
    assert found
    assert [link for link in found if not link.startswith(portal.url + "/")] == []
    return found


def test_what_the_readme_says_is_all_that_production_needs(portal: Production, post: Sink) -> None:
    ready = portal.browser().get("/readyz").json()
    assert ready == {"status": "ok", "checks": {"database": "ok", "redis": "ok"}}
    assert portal.browser().get("/login").status_code == 200
    token = portal.flask("tokens", "create", "--name", "backoffice", "--scope", "admin")
    call(portal, token, "PUT", "/loyalty/rewards/mug", {"name": "Mug", "description": "A mug", "pointsCost": 300})
    call(portal, token, "PUT", "/users/ada", {"email": "ada@example.com", "name": "Ada"})
    call(portal, token, "POST", "/loyalty/members/ada/adjustments", {"points": 500, "reason": "Order A-1"})

    ada = portal.browser()
    ada.send("/password/forgot", email="ada@example.com")
    mail = wait_for(lambda: post.to("ada@example.com"))[0]
    (reset,) = [link for link in links(mail, portal) if "/password/reset/" in link]
    assert ada.send(reset, password=PASSWORD).status_code == 200
    assert ada.send("/login", email="ada@example.com", password=PASSWORD).url.startswith(portal.url + "/account/")
    cookies = {cookie.name: cookie for cookie in ada.session.cookies}
    assert cookies["__Host-session"].secure

    asked = ada.send("/account/loyalty/rewards/mug/redeem")
    assert (asked.status_code, asked.url) == (200, f"{portal.url}/account/loyalty")
    member = call(portal, token, "GET", "/loyalty/members/ada", {})
    assert (member["balance"], member["held"]) == (500, 300)


def test_who_asks_for_another_host_is_not_believed(portal: Production) -> None:
    visitor = portal.browser()
    forged = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http", "X-Forwarded-Port": "81"}
    answer = visitor.get("/account/loyalty", headers=forged, allow_redirects=False)
    assert answer.status_code == 303
    assert "evil.example" not in answer.headers["Location"]
    assert "http:" not in answer.headers["Location"]


def test_every_variable_it_is_started_with_is_in_the_documentation(folder: Path) -> None:
    section = OPERATING.partition("## Production")[2].partition("\n## ")[0]
    with production(folder / "named") as made:
        assert set(made.environment) == set(re.findall(r"(?<=[ \n])([A-Z_]+)=", section.partition("```nginx")[0]))
