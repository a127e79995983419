"""An installation carried out: the worker's own environment, the checks against a real server, taking back.

systemd does not run in a container: `systemctl` and `loginctl` are programs here that note what is asked of
them.
"""

from __future__ import annotations

import contextlib
import stat
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from prefect import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists
from prefect.settings import PREFECT_API_URL, temporary_settings

from flow_ops import cli, project
from flow_ops.worker import service as worker_service
from helpers.service_process import started
from helpers.support import free_port, not_on_windows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helpers.support import Server

pytestmark = not_on_windows("a service there is nssm's")
POOL = "servicios-dev"
NOTE = '#!/bin/sh\necho "$(basename "$0") $*" >> "{log}"\n{more}\n'


@dataclass(frozen=True)
class Machine:
    """A user's part of a machine: programs of its own, and folders below one."""

    root: Path
    url: str

    @property
    def calls(self) -> list[str]:
        log = self.root / "calls"
        return log.read_text(encoding="utf-8").splitlines() if log.exists() else []

    def program(self, name: str, more: str = "") -> None:
        file = self.root / "bin" / name
        file.write_text(NOTE.format(log=self.root / "calls", more=more), encoding="utf-8")
        file.chmod(0o755)

    def arguments(self, action: str, *more: str, pool: str = POOL) -> list[str]:
        return [
            "worker",
            action,
            "--pool",
            pool,
            "--scope",
            "user",
            "--host",
            "srv1",
            "--api-url",
            self.url,
            *more,
        ]

    def left(self) -> list[str]:
        kept = ("bin", "bin/", "calls")
        return [str(path.relative_to(self.root)) for path in self.root.rglob("*") if not path.is_dir()
                and not str(path.relative_to(self.root)).startswith(kept)]  # fmt: skip


@pytest.fixture
def machine(
    server: Server, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Machine]:
    assert repository
    project.forget()
    monkeypatch.setenv("FLOW_LANGUAGE", "en")
    for variable in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / variable))
    monkeypatch.setattr(worker_service, "systemd_runs", lambda: True)
    machine = Machine(tmp_path, server.url)
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    machine.program("systemctl", 'case "$*" in *is-active*) echo active;; esac')
    machine.program("loginctl")
    with temporary_settings({PREFECT_API_URL: server.url}), get_client(sync_client=True) as client:
        for name, kind in ((POOL, "process"), ("contenedores", "docker")):
            with contextlib.suppress(ObjectAlreadyExists):
                client.create_work_pool(WorkPoolCreate(name=name, type=kind))
    yield machine
    project.forget()


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("pool", "code"), [("servicios-dve", "FT-SERVICE-05"), ("contenedores", "FT-SERVICE-06")]
)
def test_a_pool_that_is_missing_or_of_another_type_is_refused_with_nothing_done(
    machine: Machine, pool: str, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(machine.arguments("install", pool=pool)) == 1
    message = capsys.readouterr().err
    assert message.startswith(code)
    assert code != "FT-SERVICE-05" or POOL in message  # those that exist are listed
    assert (machine.left(), machine.calls) == ([], [])


@pytest.mark.e2e
def test_an_installation_that_fails_half_way_is_taken_back(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.program("uv", 'case "$*" in "python find"*) echo /usr/bin/python3;; esac')
    machine.program("loginctl", "echo 'Could not enable linger' >&2; exit 1")
    assert cli.run(machine.arguments("install", "--health-port", str(free_port()))) == 1
    message = capsys.readouterr().err
    assert message.startswith("FT-SERVICE-14")
    assert "Could not enable linger" in message
    assert machine.left() == []
    assert machine.calls[-2:] == [
        f"systemctl --user disable --now flow-worker-{POOL}",
        "systemctl --user daemon-reload",
    ]


@pytest.mark.slow
@pytest.mark.environment
def test_a_service_is_installed_runs_in_its_own_environment_is_installed_again_and_removed(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ("--health-port", str(free_port()))
    arguments = machine.arguments("install", *more)
    _, given, _ = cli._command_line().parse_args(arguments)
    service = replace(worker_service.service_from(given.arguments["options"], "linux"), api_url=machine.url)
    home = Path(service.home)
    credentials = home / "credentials.env"

    assert cli.run(arguments) == 0
    assert machine.calls == [
        "systemctl --user daemon-reload",
        f"systemctl --user enable flow-worker-{POOL}",
        f"loginctl enable-linger {service.account}",
        f"systemctl --user start flow-worker-{POOL}",
    ]
    assert [stat.S_IMODE(path.stat().st_mode) for path in (credentials, home / "state")] == [0o600, 0o700]
    # Prefect and uv, and nothing of the repository.
    python = str(service.interpreter)
    assert subprocess.run([python, "-c", "import prefect, uv"], cwd=home, check=False).returncode == 0
    own = subprocess.run([python, "-c", "import flow_ops"], cwd=home, capture_output=True, check=False)
    assert b"No module named 'flow_ops'" in own.stderr

    with started(service):
        capsys.readouterr()
        assert cli.run(machine.arguments("status")) == 0
        assert "/health: OK" in capsys.readouterr().out
    assert cli.run(machine.arguments("status")) == worker_service.NOT_RUNNING

    credentials.write_text("A=1\n", encoding="utf-8")
    unit = Path(str(service.unit_file)).read_bytes()
    assert cli.run(arguments) == 0
    assert (Path(str(service.unit_file)).read_bytes(), credentials.read_text(encoding="utf-8")) == (
        unit,
        "A=1\n",
    )
    assert machine.calls.count(f"systemctl --user stop flow-worker-{POOL}") == 1

    assert cli.run(machine.arguments("uninstall")) == 0
    assert machine.left() == []
    assert cli.run(machine.arguments("uninstall")) == 0
