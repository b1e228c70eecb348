"""A real HTTP server that keeps what it is sent and answers as it is told."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Received:
    """One POST."""

    path: str
    headers: dict[str, str]
    body: bytes


class HttpSink:
    """What was received; `status` and `headers` are the answer, 0: hang up without one."""

    def __init__(self) -> None:
        self.requests: list[Received] = []
        self.status = 201
        self.headers: dict[str, str] = {}
        self.body = b""
        self.port = 0


@contextmanager
def running_http_sink(host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None) -> Iterator[HttpSink]:
    """A sink that listens on a port of this machine, a free one unless one is given; with TLS when it has a context."""
    sink = HttpSink()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            sink.requests.append(Received(self.path, dict(self.headers), body))
            if sink.status:
                self.send_response(sink.status)
                for name, value in {"Content-Length": str(len(sink.body)), **sink.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                with suppress(OSError):
                    self.wfile.write(sink.body)
            else:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer((host, port), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    sink.port = server.server_port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield sink
    finally:
        server.shutdown()
        server.server_close()
