"""A server as the page on security has it, its proxy included, and a worker's service that uses it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import shutil
import ssl
import subprocess
import urllib.request
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_SSL_CERT_FILE,
    PREFECT_API_URL,
    temporary_settings,
)

from flow_ops.deployment import Environment, FolderSource
from flow_ops.worker import asking
from helpers.https_git import make_certificate
from helpers.service_process import service, started
from helpers.support import free_port, process, wait_until
from helpers.workshop import PACKAGE, PASSWORD, SLUG, deploy, inside, open_workshop
from tests.conftest import TEMPLATE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGES = [TEMPLATE / "docs" / language / "security.md" for language in ("es", "en")]
# For a machine that has other uses of port 80 and of Caddy's own port.
APART = "{\n    admin off\n    auto_https disable_redirects\n}\n"


def proxy_of_the_page(page: Path) -> str:
    """Return the Caddyfile that a page shows."""
    [shown] = re.findall(r"^```text\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return str(shown)


@contextlib.contextmanager
def proxy(address: str, server: str, folder: Path) -> Iterator[Path]:
    """Run the proxy of the page at `address`, in front of the server there; give its certificate."""
    certificate = make_certificate(folder)
    text = proxy_of_the_page(PAGES[0])
    for shown, here in {
        "prefect.example.com": address,
        "/etc/caddy/prefect.pem": str(certificate),
        "/etc/caddy/prefect.key": str(folder / "key.pem"),
        "127.0.0.1:4200": urlsplit(server).netloc,
    }.items():
        assert text.count(shown) == 1
        text = text.replace(shown, here)
    (folder / "Caddyfile").write_text(APART + text, encoding="utf-8")
    command = ["caddy", "run", "--config", "Caddyfile", "--adapter", "caddyfile"]
    environment = {**os.environ, "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with process(command, log=folder / "caddy.log", environment=environment, cwd=folder):
        trust = ssl.create_default_context(cafile=certificate)

        def up() -> bool:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/api/health", context=trust):
                return True
            return False

        wait_until(up, seconds=60, what="the proxy")
        with urllib.request.urlopen(f"{address}/ui-settings", context=trust) as answer:
            assert json.load(answer)["api_url"] == f"{address}/api"
        yield certificate


def files(folder: Path) -> dict[str, bytes]:
    """Return what is in a folder, but for what Python compiles."""
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }


def test_both_pages_show_the_same_proxy() -> None:
    assert len({proxy_of_the_page(page) for page in PAGES}) == 1


@pytest.mark.slow
@pytest.mark.e2e
@pytest.mark.skipif(
    not shutil.which("caddy"), reason="Caddy is not installed: see .ci/install-system-packages"
)
def test_through_the_proxy_a_service_with_a_password_runs_a_folder_and_leaves_it_as_it_was(
    tmp_path: Path,
) -> None:
    address = f"https://127.0.0.1:{free_port()}"
    settings = {
        "PREFECT_SERVER_UI_API_URL": f"{address}/api",
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": address,
    }
    with (
        open_workshop(tmp_path, **settings) as workshop,
        inside(workshop.root),
        proxy(address, workshop.server.url, tmp_path) as certificate,
    ):
        code = tmp_path / "flows" / SLUG
        shutil.copytree(workshop.root, code, ignore=shutil.ignore_patterns("__pycache__", ".venv"))
        there = files(code)
        prod = Environment(work_pool="pool-prod", parameters={"day": "2026-01-01"})
        flows = {f"src/{PACKAGE}/quick.py:quick": {"prod": prod}}
        pins = dataclasses.replace(workshop.pins, source=FolderSource(str(code)), flows=flows)
        described = service(tmp_path / "service", f"{address}/api", pool="pool-prod")
        given = {"PREFECT_API_AUTH_STRING": PASSWORD, "PREFECT_API_SSL_CERT_FILE": str(certificate)}
        credentials = tmp_path / "service" / "credentials.env"
        credentials.write_text(
            "".join(f"{name}={value}\n" for name, value in given.items()), encoding="utf-8"
        )
        credentials.chmod(0o600)
        # As this machine reaches a package index, and what it has of it already.
        cache = subprocess.run(
            ["uv", "cache", "dir"], capture_output=True, text=True, check=True
        ).stdout.strip()
        kept = {name: value for name, value in os.environ.items() if name.startswith(("UV_", "SSL_"))}
        asking.check_pool(described, given)
        with (
            temporary_settings(
                {
                    PREFECT_API_URL: f"{address}/api",
                    PREFECT_API_AUTH_STRING: PASSWORD,
                    PREFECT_API_SSL_CERT_FILE: str(certificate),
                }
            ),
            started(described, **{**kept, "UV_CACHE_DIR": cache}),
        ):
            assert deploy(pins, "apply", "prod") == 0
            assert deploy(pins, "run", "prod") == 0
            assert deploy(pins, "retire", "prod", "--yes") == 0
        assert files(code) == there
        [environment] = (tmp_path / "service" / "state" / "environments").iterdir()
        assert (environment / "pyvenv.cfg").is_file()
