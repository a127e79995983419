"""A worker's service as the service manager would run it: from the text of its unit."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import subprocess
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from flow_ops.worker.plan import Service, systemd_unit
from helpers.support import process, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def started(service: Service) -> Iterator[subprocess.Popen[bytes]]:
    """Start what the unit's ExecStart says, with the unit's environment, in the unit's working folder."""
    unit = systemd_unit(service)
    [command] = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    [folder] = re.findall(r"^WorkingDirectory=(.*)$", unit, re.MULTILINE)
    variables = [shlex.split(line)[0] for line in re.findall(r"^Environment=(.*)$", unit, re.MULTILINE)]
    environment = {"PATH": os.defpath, "HOME": folder, **dict(line.split("=", 1) for line in variables)}
    home = Path(service.home)
    with process(
        shlex.split(command), log=home / "worker.log", environment=environment, cwd=Path(folder)
    ) as child:
        try:
            wait_until(lambda: healthy(service), seconds=120, what="the worker's health check")
            yield child
        except BaseException:
            print((home / "worker.log").read_text(encoding="utf-8", errors="replace")[-6000:])
            raise
        finally:
            kill_tree(child.pid)


def healthy(service: Service) -> bool:
    with (
        contextlib.suppress(OSError),
        urllib.request.urlopen(f"http://127.0.0.1:{service.health_port}/health", timeout=2) as answer,
    ):
        return bool(answer.status == 200)
    return False


def tree(pid: int) -> list[int]:
    """`pid` and all that descend from it; flows are in sessions of their own."""
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    return [pid, *(each for child in listed.stdout.split() for each in tree(int(child)))]


def kill_tree(pid: int) -> None:
    """What systemd and nssm do to what is left of a service, and what a power cut does."""
    for each in tree(pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)
