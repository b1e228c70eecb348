"""The data directory, the port and the instance file."""

import os
import socket
from pathlib import Path

import pytest

from portal.supervisor.files import StartFailedError
from portal.supervisor.instance import Instance, base_url, check_port, prepare_data_dir, read_port

URLS = ("postgresql+psycopg://portal@/portal", "unix:///redis.sock")


def test_the_secret_is_made_once_and_kept(tmp_path: Path) -> None:
    first = Instance(tmp_path)
    first.open({}, "127.0.0.1", 8000, URLS)
    secret = first.known["secret_key"]
    assert len(secret) == 64
    first.close()
    second = Instance(tmp_path)
    second.open({}, "127.0.0.1", 8001, URLS)
    assert second.known["secret_key"] == secret
    assert second.known["port"] == 8001
    assert second.path.stat().st_mode & 0o777 == 0o600


def test_the_environment_has_the_last_word_on_secret_and_public_url(tmp_path: Path) -> None:
    instance = Instance(tmp_path)
    given = {"SECRET_KEY": "s" * 40, "PUBLIC_URL": "https://rewards.example.com"}
    instance.open(given, "127.0.0.1", 8000, URLS)
    assert instance.known["secret_key"] == "s" * 40
    assert instance.known["public_url"] == "https://rewards.example.com"


def test_a_stopped_instance_names_no_servers_but_keeps_what_outlives_a_start(tmp_path: Path) -> None:
    instance = Instance(tmp_path)
    instance.open({}, "127.0.0.1", 8000, URLS)
    instance.save(first_start={"demo": False})
    assert Instance(tmp_path).known["pid"] == os.getpid()
    instance.close()
    assert set(Instance(tmp_path).known) == {"secret_key", "first_start"}


@pytest.mark.parametrize("text", ["0", "65536", "-1", "80.0", "http", "", "8000; true", "٨٠"])
def test_an_impossible_port_is_refused(text: str) -> None:
    with pytest.raises(StartFailedError, match="PORT must be a number from 1 to 65535"):
        read_port(text)


def test_a_taken_port_is_refused_and_a_free_one_is_not() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(StartFailedError, match="another program uses it"):
            check_port("127.0.0.1", port)
    check_port("127.0.0.1", port)


def test_an_address_that_is_not_ours_is_refused() -> None:
    with pytest.raises(StartFailedError, match="cannot be used"):
        check_port("192.0.2.1", 8000)


def test_a_data_directory_is_made_private(tmp_path: Path) -> None:
    made = prepare_data_dir(str(tmp_path / "a" / "b"))
    assert made.stat().st_mode & 0o777 == 0o700
    assert list(made.iterdir()) == []


def test_a_data_directory_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartFailedError, match=r"cannot be written: Not a directory\.$"):
        prepare_data_dir(str(tmp_path / "file" / "data"))


@pytest.mark.parametrize(
    ("host", "url"),
    [("127.0.0.1", "http://127.0.0.1:80"), ("0.0.0.0", "http://127.0.0.1:80"), ("::", "http://[::1]:80")],
)
def test_the_printed_address_can_be_opened_here(host: str, url: str) -> None:
    assert base_url(host, 80) == url
