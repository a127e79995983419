"""A worker's service as the service manager would run it: from the text of its unit."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from flow_ops.worker import drain as worker_drain
from flow_ops.worker.plan import Service, systemd_unit
from helpers.support import free_port, process, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator


def service(home: Path, url: str, **changes: Any) -> Service:
    """A service in `home`, whose environment is the one that the tests run in."""
    (home / "state" / "logs").mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        (home / "environment").symlink_to(sys.prefix, target_is_directory=True)
    shutil.copy(worker_drain.__file__, home / "worker_drain.py")
    facts: dict[str, Any] = {
        "system": "linux",
        "scope": "user",
        "pool": "compras-dev",
        "worker_name": "host-compras-dev",
        "account": "somebody",
        "api_url": url,
        "limit": 5,
        "drain_seconds": 60,
        "health_port": free_port(),
        "home": PurePosixPath(home),
        "python": "3.11",
        "requirements": (),
    }
    return Service(**{**facts, **changes})


@contextlib.contextmanager
def started(service: Service, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start what the unit's ExecStart says, with the unit's environment and `more`, in the unit's working folder."""
    unit = systemd_unit(service)
    [command] = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    [folder] = re.findall(r"^WorkingDirectory=(.*)$", unit, re.MULTILINE)
    variables = [shlex.split(line)[0] for line in re.findall(r"^Environment=(.*)$", unit, re.MULTILINE)]
    environment = {
        "PATH": os.defpath,
        "HOME": folder,
        **dict(line.split("=", 1) for line in variables),
        **more,
    }
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
