"""The portal as operating.md says under "Production": its variables and no others, servers apart, nginx with TLS."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import requests

from portal.supervisor import services
from tests.contract.pages import PageView
from tests.sink import free_port, wait_for
from tests.tls import Certificate, make_certificate

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(sys.executable).parent
OPERATING = (ROOT / "portal" / "docs" / "operating.md").read_text()
HOST = "rewards.example.com"


class Production:
    """A running portal behind its proxy. `url` is its public address, `port` the web server's own."""

    def __init__(self, folder: Path, variables: dict[str, str], ports: tuple[int, int], tls: Certificate) -> None:
        self.folder, self.tls = folder, tls
        self.port, self.url = ports[0], f"https://localhost:{ports[1]}"
        self.environment = {**variables, "PUBLIC_URL": self.url, "PATH": f"{PROGRAMS}:/usr/bin:/bin"}
        self.lines: list[str] = []

    def flask(self, *command: str, text: str = "") -> str:
        """Run a command of the application with the same variables; its output."""
        done = subprocess.run(
            [str(PROGRAMS / "flask"), "--app", "wsgi", *command],
            cwd=ROOT,
            env=self.environment,
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def browser(self) -> "Visitor":
        """Somebody who comes through the proxy."""
        return Visitor(self.url, self.tls)

    def is_ready(self) -> bool:
        """Whether `/readyz` answers 200, through the proxy."""
        try:
            return self.browser().get("/readyz").status_code == 200
        except OSError:
            return False

    @contextmanager
    def running(self) -> Iterator[None]:
        """The processes of the Procfile, under honcho."""
        honcho = [str(PROGRAMS / "honcho"), "start", "--port", str(self.port), "--concurrency", "worker=2"]
        with _process(honcho, self.environment, self.lines) as process:
            wait_for(lambda: process.poll() is not None or self.is_ready())
            assert process.poll() is None, "".join(self.lines)
            yield

    @contextmanager
    def proxied(self) -> Iterator[None]:
        """Its nginx, with the configuration that the documentation shows."""
        configuration = self.folder / "nginx.conf"
        configuration.write_text(_configuration(self.folder, self.port, self.url, self.tls))
        nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
        assert nginx is not None, "nginx is not installed: run `make packages`"
        command = [nginx, "-p", str(self.folder), "-c", str(configuration), "-g", "daemon off;"]
        with _process(command, self.environment, self.lines):
            yield


class Visitor:
    """A browser of few words: it keeps cookies, says where it comes from, and sends forms."""

    def __init__(self, url: str, tls: Certificate) -> None:
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = str(tls.chain)

    def get(self, path: str, **options: Any) -> requests.Response:
        """A page or document, by its path or whole address."""
        return self.session.get(path if "://" in path else self.url + path, timeout=30, **options)

    def send(self, path: str, **fields: str) -> requests.Response:
        """Fill in and send the first form of a page."""
        page = self.get(path)
        assert page.status_code == 200, page.text
        form, values = PageView(page.text).form()
        action = form.get("action") or page.url
        return self.session.post(
            action if "://" in action else self.url + action,
            data={**values, **fields},
            headers={"Referer": page.url},
            timeout=30,
        )


@contextmanager
def production(folder: Path, **more: str) -> Iterator[Production]:
    """The servers, a certificate and an empty database; nothing of the portal runs yet."""
    started = services.start(folder / "servers", durable=False)
    variables = {
        "PORTAL_ENV": "production",
        "SECRET_KEY": "9f1c52d07be84a63915e7d20c8fb4a6e3d05b97214ac6f80",
        "DATABASE_URL": started.database_url.replace("postgresql+psycopg://", "postgresql://"),
        "REDIS_URL": started.redis_url,
        "TRUSTED_PROXIES": "1",
    }
    with ExitStack() as stack:
        stack.callback(started.stop)
        yield Production(
            folder, {**variables, **more}, (free_port(), free_port()), make_certificate(folder, "localhost")
        )


def _configuration(folder: Path, port: int, url: str, tls: Certificate) -> str:
    """The documentation's `server`, with this test's names and ports, in the least that nginx needs around it."""
    found = re.search(r"```nginx\n(.+?)```", OPERATING, re.DOTALL)
    assert found is not None, "operating.md shows no nginx configuration"
    changes = {
        f"/etc/ssl/{HOST}.pem": str(tls.chain),
        f"/etc/ssl/{HOST}.key": str(tls.key),
        HOST: "localhost",
        "listen 443": f"listen 127.0.0.1:{url.rpartition(':')[2]}",
        "127.0.0.1:8000": f"127.0.0.1:{port}",
    }
    server = found[1]
    for documented, here in changes.items():
        assert documented in server
        server = server.replace(documented, here)
    user = "user root;" if os.geteuid() == 0 else ""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    places = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    return (
        f"{user} pid {folder}/nginx.pid; error_log stderr; events {{}}\nhttp {{ access_log off; {places}\n{server}}}\n"
    )


@contextmanager
def _process(command: list[str], environment: dict[str, str], lines: list[str]) -> Iterator["subprocess.Popen[str]"]:
    """A process and what it says, until it is asked to end."""
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    reader = threading.Thread(target=lines.extend, args=(process.stdout,), daemon=True)
    reader.start()
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
        reader.join(10)
