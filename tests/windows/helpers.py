"""A Windows Python under Wine, as the tests use it: see README.md here."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
PYTHON = r"C:\Python311\python.exe"
# Of this machine's own, which name Linux paths.
LINUX_ONLY = (
    "PIP_",
    "UV",  # `uv run` names its own program there; and what begins with it
    "SSL_",
    "PYTHON",
    "PREFECT_",
    "FLOW_",
    "VIRTUAL_ENV",
    "XDG_",
    "TMPDIR",
    "TEMPLATE_",
)


def made(*, now: bool) -> tuple[Path | None, str]:
    """Return the folder of the environment, made where it is missing if `now`, or why there is none."""
    if sys.platform == "win32":
        return None, "Wine is for Linux"  # and Windows does not run the script that says so
    done = subprocess.run(
        [str(HERE / "make-python"), *(() if now else ("--made",))],
        capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    if done.returncode:
        return None, (done.stderr.strip().splitlines() or ["no Windows Python"])[-1]
    return Path(done.stdout.strip()), ""


def of_windows(path: Path) -> str:
    """Return how Windows programs call a file of this machine."""
    return "Z:" + str(path).replace("/", "\\")


@dataclass(frozen=True)
class Windows:
    """A Wine prefix with a Python."""

    prefix: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(LINUX_ONLY)}
        return {
            **kept,
            "WINEPREFIX": str(self.prefix),
            "WINEDEBUG": "-all",
            "WINEDLLOVERRIDES": "mscoree,mshtml=",
            "DISPLAY": "",
            "WINEPATH": r"C:\Python311;C:\Python311\Scripts",
            "SSL_CERT_FILE": r"Z:\etc\ssl\certs\ca-certificates.crt",
            "UV_PYTHON_DOWNLOADS": "never",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            **self.variables,
        }

    def path(self, name: str) -> Path:
        r"""Return where a path such as `C:\flows` is on this machine."""
        return self.prefix / "drive_c" / Path(*PureWindowsPath(name).parts[1:])

    def run(
        self,
        *words: str,
        cwd: Path | None = None,
        seconds: float = 300,
        encoding: str = "utf-8",
        **variables: str,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program of Windows to its end; its two outputs are in `stdout`."""
        # Not this process's own files, and not a pipe, which what Wine starts in the background would keep open.
        with (
            tempfile.TemporaryFile() as output,
            subprocess.Popen(
                ["bash", "-c", 'set -o pipefail; wine "$@" </dev/null 2>&1 | cat', "wine", *words],
                cwd=cwd,
                env={**self.environment, **variables},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            ) as child,
        ):
            try:
                child.wait(seconds)
            except subprocess.TimeoutExpired as problem:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)  # Wine's own, and what they have started
                output.seek(0)
                problem.output = output.read()
                raise
            output.seek(0)
            said = output.read().decode(encoding, "replace")
        return subprocess.CompletedProcess([*words], child.returncode, said, "")

    def python(
        self,
        *words: str,
        cwd: Path | None = None,
        seconds: float = 300,
        encoding: str = "utf-8",
        **variables: str,
    ) -> subprocess.CompletedProcess[str]:
        """Run Python."""
        return self.run(PYTHON, *words, cwd=cwd, seconds=seconds, encoding=encoding, **variables)


def copy_of(folder: Path, into: Path) -> Windows:
    """Copy an environment for a test that changes it: its services, its folders."""
    shutil.copytree(folder / "wine", into / "wine", symlinks=True, copy_function=_copied)
    return Windows(into / "wine")


def _copied(source: str, target: str) -> None:
    """Copy a file; programs, which nobody changes, are the same ones where they can be: they are 1.2 GB."""
    if "/drive_c/" in source:
        with contextlib.suppress(OSError):
            os.link(source, target)
            return
    shutil.copy2(source, target)


# Wine starts its desktop with the first program that asks for it, and nssm does.
KEEPS = "import ctypes, time; ctypes.windll.user32.GetDesktopWindow(); print(flush=True); time.sleep(1e6)"


@contextlib.contextmanager
def kept_up(windows: Windows) -> Iterator[None]:
    """Keep a program, and so Wine's services and its desktop: started by another one, they would keep its pipes open."""
    with subprocess.Popen(
        ["bash", "-c", 'wine "$@" </dev/null 2>&1 | cat', "wine", PYTHON, "-c", KEEPS],
        env=windows.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as child:
        try:
            assert child.stdout
            child.stdout.readline()
            yield
        finally:
            # All that is left of this prefix.
            subprocess.run(
                ["wineserver", "-k"], env=windows.environment, capture_output=True, timeout=60, check=False
            )
