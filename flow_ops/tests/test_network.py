"""Behind a company's proxy: what is on this machine is reached, and a proxy in the way of a server is named."""

from __future__ import annotations

import os
import sys
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

import pytest
from prefect.settings import PREFECT_API_SSL_CERT_FILE, PREFECT_API_URL, temporary_settings

from flow_ops import network
from flow_ops.deploy import server as prefect_server
from flow_ops.messages import FlowOpsError
from helpers.https_git import https_host
from helpers.support import bring_migrated_database, finished

if TYPE_CHECKING:
    from pathlib import Path

    from helpers.support import Server

DEAD = "http://ana:clave@127.0.0.1:9"
PROGRAM = """
from flow_ops.command_line import run_flow
from prefect import flow, task

@task
def one():
    return 41

@flow(name="behind-a-proxy")
def behind():
    return one() + 1

raise SystemExit(run_flow(behind, []))
"""


@pytest.fixture(autouse=True)
def _proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, DEAD)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "intranet.example.com")


@pytest.mark.slow
@pytest.mark.e2e
@pytest.mark.parametrize(
    "with_server",
    [
        pytest.param(False, id="temporary server"),
        pytest.param(True, id="server on this machine"),
    ],
)
def test_a_flow_runs_behind_a_proxy_that_knows_nothing_of_this_machine(
    server: Server, repository: Path, tmp_path: Path, with_server: bool
) -> None:
    environment = {**os.environ, "FLOW_PROJECT_ROOT": str(repository), "PREFECT_HOME": str(tmp_path)}
    if with_server:
        environment |= {"PREFECT_API_URL": server.url}
    else:
        bring_migrated_database(tmp_path)
    done = finished([sys.executable, "-c", PROGRAM], environment=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "42" in done.stdout.splitlines()


def test_what_was_spared_before_is_spared_still() -> None:
    network.spare_loopback()
    network.spare_loopback()
    assert os.environ["no_proxy"] == os.environ["NO_PROXY"] == "intranet.example.com,127.0.0.1,localhost,::1"


def test_a_proxy_in_the_way_of_a_server_elsewhere_is_named_without_its_password() -> None:
    network.spare_loopback()
    with (
        temporary_settings({PREFECT_API_URL: "http://prefect.example.com:4200/api"}),
        pytest.raises(FlowOpsError, match=r"FT-SERVER-11  .*http://127\.0\.0\.1:9") as caught,
        prefect_server.connect(),
    ):
        pass
    assert "clave" not in str(caught.value)


def test_a_server_without_a_password_is_warned_of_behind_a_certificate_of_ones_own_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Open(BaseHTTPRequestHandler):
        """Answers whoever asks."""

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    network.spare_loopback()
    # Stands for the address of another machine: the certificate is of this one.
    monkeypatch.setattr(prefect_server, "is_loopback", lambda _: False)
    with https_host(Open, tmp_path) as (address, certificate):
        for authority, warned in ((str(certificate), ["FT-SERVER-12"]), (None, [])):
            with temporary_settings(
                {PREFECT_API_URL: f"{address}/api", PREFECT_API_SSL_CERT_FILE: authority}
            ):
                assert [each.code for each in prefect_server.open_to_all()] == warned
