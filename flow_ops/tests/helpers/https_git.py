"""A private git host on loopback, with a token as its password."""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import ssl
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def git_handler(repositories: Path, token: str, user: str | None = None) -> type[BaseHTTPRequestHandler]:
    """Return what answers git's requests for the repositories below a folder, from who has the token.

    With `user`, the token is taken with that name alone.
    """

    class Handler(BaseHTTPRequestHandler):
        """Hands authorised requests to git's own HTTP backend."""

        def do_GET(self) -> None:
            if not self._authorised():
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="git"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer = subprocess.run(
                ["git", "http-backend"],
                input=body,
                capture_output=True,
                check=True,
                env={
                    **os.environ,
                    "GIT_PROJECT_ROOT": str(repositories),
                    "GIT_HTTP_EXPORT_ALL": "1",
                    "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                    "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                    "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                    "CONTENT_LENGTH": str(len(body)),
                    "REQUEST_METHOD": self.command,
                    "PATH_INFO": url.path,
                    "QUERY_STRING": url.query,
                },
            ).stdout
            head, _, content = answer.partition(b"\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
            self.send_response(int(headers.pop("Status", "200 OK").split()[0]))
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815

        def _authorised(self) -> bool:
            kind, _, encoded = self.headers.get("Authorization", "").partition(" ")
            name, _, password = base64.b64decode(encoded).decode().partition(":")
            # As the large hosts do: a token is taken as the password, or as a user's name that has none.
            given = password or (name if user is None else "")
            return kind == "Basic" and given == token and user in (None, name)

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    return Handler


@contextlib.contextmanager
def private_git_host(
    repositories: Path, token: str, folder: Path, user: str | None = None
) -> Iterator[tuple[str, Path]]:
    """Serve the bare repositories below a folder over HTTPS; give address and certificate."""
    with https_host(git_handler(repositories, token, user), folder) as served:
        yield served


@contextlib.contextmanager
def https_host(handler: type[BaseHTTPRequestHandler], folder: Path) -> Iterator[tuple[str, Path]]:
    """Answer over HTTPS on loopback; give address and certificate, which is kept in the folder."""
    certificate = folder / "certificate.pem"
    if not certificate.exists():
        make_certificate(folder)
    host = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, folder / "key.pem")
    host.socket = context.wrap_socket(host.socket, server_side=True)
    threading.Thread(target=host.serve_forever, daemon=True).start()
    try:
        yield f"https://127.0.0.1:{host.server_port}", certificate
    finally:
        host.shutdown()
        host.server_close()


def make_certificate(folder: Path) -> Path:
    """Make a key and a certificate for loopback; clients trust it through `GIT_SSL_CAINFO`."""
    if sys.platform == "win32" and not shutil.which("openssl"):
        pytest.skip("openssl, which makes a certificate, is not on this Windows: Git for Windows brings it")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", "key.pem", "-out", "certificate.pem"),
        ],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return folder / "certificate.pem"
