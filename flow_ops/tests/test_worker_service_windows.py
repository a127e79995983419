"""The Windows service against the real nssm, under Wine.

There is no Python for Windows here: the service that is started runs a program of Wine's own. Accounts and
access lists (`sc.exe config`, `icacls.exe`) are not there either; what is asked of them is tested as text.
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

from flow_ops.worker.plan import Service, install_steps, nssm_settings, uninstall_steps
from flow_ops.worker.steps import Command, decoded
from helpers.support import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

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

COMPILER = "x86_64-w64-mingw32-gcc"
# A program of Wine's own would do, were there one that waits without a screen: its `ping` ends at once where a
# machine does not let it send (a container), and nssm then answers 1 to `start`.
WAITS = """
#include <stdio.h>
#include <windows.h>
int main(void) { puts("waiting"); fflush(stdout); Sleep(600000); return 0; }
"""

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
            lines = decoded(output.read()).splitlines()
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
    windows.nssm("stop", described.name)
    windows.nssm("remove", described.name, "confirm")


def of_nssm(steps: list[object], *, but: str = "") -> list[Command]:
    return [
        step
        for step in steps
        if isinstance(step, Command) and step.words[0] == "nssm" and step.words[1] != but
    ]


def test_nssm_keeps_every_parameter_as_it_was_given(windows: Windows, service: Service) -> None:
    steps = of_nssm([*install_steps(service, installed=False)], but="start")
    windows.apply(steps)
    for setting, values in nssm_settings(service).items():
        asked = ("Default",) if setting == "AppExit" else ()
        expected = ["Restart"] if setting == "AppExit" else list(values)
        assert windows.nssm("get", service.name, setting, *asked) == (0, "\n".join(expected)), setting
    assert windows.nssm("get", service.name, "AppExit", "78") == (0, "Exit")

    windows.apply(of_nssm([*install_steps(service, installed=True)], but="start"))
    assert windows.nssm("get", service.name, "AppDirectory") == (0, str(HOME))


@pytest.mark.skipif(
    not shutil.which(COMPILER), reason="mingw is not installed: see .ci/install-system-packages"
)
def test_the_service_starts_runs_stops_and_leaves_nothing(windows: Windows, service: Service) -> None:
    windows.apply(of_nssm([*install_steps(service, installed=False)], but="start"))
    # A program that waits, in the place of Python, with the service's own folders.
    drive = Path(windows.environment["WINEPREFIX"], "drive_c", *HOME.parts[1:])
    (drive / "state" / "logs").mkdir(parents=True)
    (drive / "waits.c").write_text(WAITS, encoding="ascii")
    subprocess.run([COMPILER, "-o", str(drive / "waits.exe"), str(drive / "waits.c")], check=True)
    windows.nssm("set", service.name, "Application", rf"{HOME}\waits.exe")
    windows.nssm("set", service.name, "AppParameters", "")

    status, said = windows.nssm("start", service.name)
    assert status == 0, said
    wait_until(
        lambda: windows.nssm("status", service.name)[1] == "SERVICE_RUNNING",
        seconds=20,
        what="the service running",
    )
    wait_until((drive / "state" / "logs" / "worker.log").exists, seconds=20, what="the service's output")
    # nssm answers 1 where the service takes longer to stop than nssm looks at it: what counts is the end.
    _, said = windows.nssm("stop", service.name)
    wait_until(
        lambda: windows.nssm("status", service.name)[1] == "SERVICE_STOPPED",
        seconds=60,
        what=f"stopped ({said})",
    )

    # A busy Wine refuses to remove what has just stopped, and then has it for a moment, marked for deletion.
    [removal] = of_nssm([*uninstall_steps(service, installed=True)])
    wait_until(
        lambda: windows.nssm(*removal.words[1:])[0] == 0, seconds=30, what="the removal of the service"
    )
    wait_until(
        lambda: windows.nssm("status", service.name)[0] == 3, seconds=30, what="the end of the service"
    )
    assert "does not exist" in windows.nssm("status", service.name)[1]
