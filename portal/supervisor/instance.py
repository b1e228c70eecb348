"""The data directory, and `instance.json` in it: how commands reach the instance that runs there."""

import errno
import os
import secrets
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from portal.supervisor.files import StartFailedError, read_json, write_json

_LASTING = {"secret_key", "first_start"}
_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - names them, does not bind them


class Instance:
    """What is known about the instance of a data directory; kept across starts."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.path = data_dir / "instance.json"
        self.known = read_json(self.path)

    def open(self, environment: Mapping[str, str], host: str, port: int, urls: tuple[str, str]) -> None:
        """Record a start. The secret key is the environment's, else one that is generated once."""
        secret = environment.get("SECRET_KEY") or self.known.get("secret_key") or secrets.token_hex(32)
        self.save(
            database_url=urls[0],
            redis_url=urls[1],
            secret_key=secret,
            host=host,
            port=port,
            public_url=environment.get("PUBLIC_URL") or base_url(host, port),
            pid=os.getpid(),
            started_at=datetime.now(UTC).isoformat(),
        )

    def close(self) -> None:
        """Record that nothing runs, keeping only what outlives a start; without the file, write nothing."""
        self.known = {name: value for name, value in self.known.items() if name in _LASTING}
        if self.path.exists():
            write_json(self.path, self.known)

    def save(self, **values: Any) -> None:
        """Record the values in addition to what is known."""
        self.known |= values
        write_json(self.path, self.known)


def prepare_data_dir(path: str) -> Path:
    """The absolute data directory, created if missing, private to its owner.

    :raises StartFailedError: if it cannot be created or written.
    """
    data_dir = Path(path).expanduser().absolute()
    probe = data_dir / ".writable"
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise StartFailedError(f"DATA_DIR {data_dir} cannot be written: {error.strerror}.") from None
    return data_dir.resolve()


def read_port(text: str) -> int:
    """The port that a setting names.

    :raises StartFailedError: if it is not a port number.
    """
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
        raise StartFailedError(f"PORT must be a number from 1 to 65535, not {text!r}.")
    return int(text)


def check_port(host: str, port: int) -> None:
    """Make sure that the web server will be able to listen.

    :raises StartFailedError: if another program listens there, or the address is not this machine's.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            reason = "another program uses it: stop that, or choose another PORT"
        else:
            reason = f"{error.strerror or error}"
        raise StartFailedError(f"Port {port} of {host} cannot be used: {reason}.") from None


def base_url(host: str, port: int) -> str:
    """Where a browser on this machine finds the web server."""
    name = local_host(host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def local_host(host: str) -> str:
    """The address by which this machine reaches a server that listens on `host`."""
    return _WILDCARDS.get(host, host)
