"""Behind a company's proxy: what is on this machine is reached, and a proxy in the way of a server is named."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from flow_ops import network
from flow_ops.deploy import server as prefect_server
from flow_ops.messages import FlowOpsError
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
