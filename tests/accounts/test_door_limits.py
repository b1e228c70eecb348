"""Attempts at the doors that make or change accounts (register, reset) per address and minute."""

import pytest

from portal.platform.web.application import Portal
from tests import databases
from tests.factories.accounts import csrf


@pytest.fixture(scope="module")
def narrow(servers: databases.Servers, app: Portal) -> Portal:
    """The application with room for two attempts; nothing here writes to the database."""
    return databases.make_app(servers, servers.url(servers.name("main")), rate_limit_sign_in="2/minute")


@pytest.mark.parametrize("path", ["/register", "/password/forgot", "/password/reset/x"])
def test_a_third_attempt_waits(narrow: Portal, path: str) -> None:
    client = narrow.test_client()
    address = {"REMOTE_ADDR": f"10.1.0.{len(path)}"}
    data = {"csrf_token": csrf(client)}
    statuses = [client.post(path, data=data, environ_base=address).status_code for _ in range(3)]
    assert statuses[:2] in ([422, 422], [410, 410])
    assert statuses[2] == 429
    elsewhere = client.post(path, data=data, environ_base={"REMOTE_ADDR": f"10.2.0.{len(path)}"})
    assert elsewhere.status_code == statuses[0]


def test_the_answer_says_when_to_come_back(narrow: Portal) -> None:
    client = narrow.test_client()
    data = {"csrf_token": csrf(client)}
    answers = [client.post("/register", data=data, environ_base={"REMOTE_ADDR": "10.3.0.1"}) for _ in range(3)]
    assert 1 <= int(answers[2].headers["Retry-After"]) <= 60
    assert "<h1" in answers[2].text


def test_a_network_of_ipv6_is_one_address(narrow: Portal) -> None:
    client = narrow.test_client()
    data = {"csrf_token": csrf(client)}
    near = ("2001:db8:0:1::1", "2001:db8:0:1::2", "2001:db8:0:1:ffff::3")
    assert [client.post("/register", data=data, environ_base={"REMOTE_ADDR": at}).status_code for at in near] == [
        422,
        422,
        429,
    ]
    assert client.post("/register", data=data, environ_base={"REMOTE_ADDR": "2001:db8:0:2::1"}).status_code == 422


def test_signing_in_has_no_such_limit(narrow: Portal) -> None:
    """An office signs in behind one address: only wrong passwords count, each account for itself."""
    client = narrow.test_client()
    data = {"csrf_token": csrf(client)}
    assert {client.post("/login", data=data).status_code for _ in range(40)} == {422}
