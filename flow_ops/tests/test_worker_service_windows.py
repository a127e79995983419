"""What the Windows service asks of nssm, kept by the real nssm under Wine; nothing is started.

The service that runs, with a Python for Windows, is in the template's `tests/windows/test_service.py`. Accounts and
access lists (`sc.exe config`, `icacls.exe`) are not in Wine; what is asked of them is tested as text.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING

import pytest

from flow_ops.worker.plan import Service, install_steps, nssm_settings
from flow_ops.worker.steps import Command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flow_ops.worker.steps import Step

ROOT = Path(__file__).resolve().parents[2]
NSSM = Path(shutil.which("nssm64.exe") or ROOT / ".tools" / "nssm64.exe")

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.skipif(
        not shutil.which("wine"), reason="Wine is not installed: see .ci/install-system-packages"
    ),
    pytest.mark.skipif(not NSSM.exists(), reason="nssm64.exe is missing: see .ci/install-system-packages"),
]

HOME = PureWindowsPath(r"C:\Archivos de ñandú\flujos (prod)\compras")


@dataclass(frozen=True)
class Windows:
    """A Wine prefix whose service manager stays up."""

    environment: dict[str, str]

    def nssm(self, *words: str) -> tuple[int, str]:
        """Run nssm; return its exit status and what it wrote."""
        # To a file: programs that Wine starts inherit a pipe and may keep it open after nssm has ended.
        with tempfile.TemporaryFile() as output:
            done = subprocess.run(
                ["wine", str(NSSM), *words],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                timeout=120,
                check=False,
            )
            output.seek(0)
            said = output.read()
        # Some builds write UTF-16, the others Wine's code page.
        lines = said.decode("utf-16-le" if b"\0" in said else "cp1252").strip().splitlines()
        return done.returncode, "\n".join(line for line in lines if line)

    def apply(self, steps: list[Command]) -> None:
        """Carry out those steps that are nssm's."""
        for step in steps:
            status, output = self.nssm(*step.words[1:])
            assert status == 0, f"{step.describe()}\n{output}"


@pytest.fixture(scope="module")
def windows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Windows]:
    prefix = tmp_path_factory.mktemp("wine")
    environment = {**os.environ, "WINEPREFIX": str(prefix), "WINEDEBUG": "-all", "DISPLAY": ""}

    def wine(*command: str) -> None:
        quiet = subprocess.DEVNULL
        subprocess.run(
            command, env=environment, stdin=quiet, stdout=quiet, stderr=quiet, timeout=120, check=True
        )

    try:
        wine("wineboot", "-i")
        # The first boot leaves two service managers, which would answer in turns.
        wine("wineserver", "-w")
        # The service manager ends with the last program: this one waits for a key that never comes.
        with subprocess.Popen(
            ["wine", "cmd.exe", "/c", "pause"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as waiting:
            yield Windows(environment)
            waiting.terminate()
    finally:
        subprocess.run(["wineserver", "-k"], env=environment, capture_output=True, timeout=60, check=False)


@pytest.fixture
def service(windows: Windows) -> Iterator[Service]:
    described = Service(
        system="windows",
        scope="system",
        pool="compras-prod",
        worker_name='srv ñ "1"-compras-prod',
        account=r"NT SERVICE\flow-worker-compras-prod",
        api_url="http://prefect.example:4200/api",
        limit=3,
        drain_seconds=120,
        health_port=8133,
        home=HOME,
        python="3.12",
        requirements=("prefect",),
    )
    yield described
    windows.nssm("remove", described.name, "confirm")


def of_nssm(steps: list[Step]) -> list[Command]:
    """Return what installs and sets, and starts nothing."""
    commands = (step for step in steps if isinstance(step, Command))
    return [step for step in commands if step.words[0] == "nssm" and step.words[1] != "start"]


def test_nssm_keeps_every_parameter_as_it_was_given(windows: Windows, service: Service) -> None:
    windows.apply(of_nssm(install_steps(service, installed=False)))
    for setting, values in nssm_settings(service).items():
        asked = ("Default",) if setting == "AppExit" else ()
        expected = ["Restart"] if setting == "AppExit" else list(values)
        assert windows.nssm("get", service.name, setting, *asked) == (0, "\n".join(expected)), setting
    assert windows.nssm("get", service.name, "AppExit", "78") == (0, "Exit")

    windows.apply(of_nssm(install_steps(service, installed=True)))
    assert windows.nssm("get", service.name, "AppDirectory") == (0, str(HOME))
