"""A package index on loopback, with what stands in a folder: the pages of PEP 503."""

from __future__ import annotations

import contextlib
import hashlib
import re
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

from helpers.support import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def package_index(folder: Path) -> Iterator[str]:
    """Serve the distributions of flow-ops that are in a folder, and take more of them; yield the address."""

    class Index(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            built = {file.name: file.read_bytes() for file in folder.glob("flow_ops-*")}
            content = built.get(self.path.rpartition("/")[2], b"")
            if self.path == "/simple/flow-ops/":
                digests = {name: hashlib.sha256(each).hexdigest() for name, each in built.items()}
                links = (
                    f'<a href="/files/{name}#sha256={digest}">{name}</a>' for name, digest in digests.items()
                )
                content = "".join(links).encode()
            self.send_response(200 if content else 404)
            kind = "text/html" if self.path.endswith("/") else "application/octet-stream"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        do_HEAD = do_GET  # noqa: N815

        def do_POST(self) -> None:
            """Take what `uv publish` sends."""
            form = self.rfile.read(int(self.headers["Content-Length"]))
            boundary = self.headers["Content-Type"].partition("boundary=")[2]
            for part in form.split(f"\r\n--{boundary}".encode()):
                head, _, content = part.partition(b"\r\n\r\n")
                if name := re.search(rb'filename="([^"]+)"', head):
                    folder.mkdir(exist_ok=True)
                    (folder / name[1].decode()).write_bytes(content)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with serving(Index) as port:
        yield f"http://127.0.0.1:{port}/simple"
