"""A systemd of its own for a test: started as process 1 of new namespaces, over a copy-on-write view of this machine."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from helpers.support import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

SYSTEMD = Path("/lib/systemd/systemd")
# Nothing of it stays: the layer that is written to is memory, and goes with the last process.
BOOT = r"""
set -e
folder=$1
shift
mount --make-rprivate /
mount -t tmpfs tmpfs "$folder/layer"
mkdir "$folder/layer/upper" "$folder/layer/work"
root=$folder/root
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/layer/upper,workdir=$folder/layer/work" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount --rbind /dev "$root/dev"
mkdir -p "$root/srv/share"
mount --bind "$folder/share" "$root/srv/share"
cd "$root"
mkdir old
mount --make-rprivate /
pivot_root . old
cd /
umount -l /old
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount --make-rshared /
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --log-target=null \
    --show-status=no systemd.unit=basic.target
"""


def why_not() -> str:
    """Return why there can be no systemd here, or nothing."""
    if os.name != "posix" or os.geteuid() != 0:
        return "only root can start a systemd in namespaces"
    if not SYSTEMD.exists() or not all(map(shutil.which, ("unshare", "nsenter", "pivot_root"))):
        return "systemd is not installed: see .ci/install-system-packages"
    if Path(sys.prefix).is_relative_to("/tmp"):  # noqa: S108 - the services' own, empty there
        return "this copy of the repository is below /tmp, which each service has to itself"
    mounts = "unshare --mount --cgroup sh -c 'mount --make-rprivate / && mount -t cgroup2 cgroup2 /mnt'"
    tried = subprocess.run(mounts, shell=True, capture_output=True, check=False)  # noqa: S602 - a text of ours
    return f"this machine gives no namespaces: {tried.stderr.decode().strip()}" if tried.returncode else ""


@dataclass(frozen=True)
class Machine:
    """A running systemd."""

    pid: int
    share: Path  # /srv/share there

    def command(self, *words: str) -> list[str]:
        """Return the command that runs `words` there."""
        return [
            "nsenter",
            "--target",
            str(self.pid),
            "--mount",
            "--pid",
            "--ipc",
            "--uts",
            "--cgroup",
            *words,
        ]

    def run(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run `words` there."""
        # How this machine reaches a package index, and nothing of the tests' own.
        kept = {name: value for name, value in os.environ.items() if name.startswith(("UV_", "SSL_", "HTTP"))}
        environment = {"PATH": os.environ["PATH"], "HOME": "/root", **kept, **variables}
        return subprocess.run(
            self.command(*words),
            env=environment,
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=600,
        )


@contextlib.contextmanager
def booted(folder: Path) -> Iterator[Machine]:
    """Start a systemd and wait for it; at the end nothing of it is left."""
    for name in ("layer", "root", "share"):
        (folder / name).mkdir()
    with subprocess.Popen(
        [
            "unshare",
            "--pid",
            "--fork",
            "--mount",
            "--ipc",
            "--uts",
            "--cgroup",
            "bash",
            "-c",
            BOOT,
            "boot",
            str(folder),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=(folder / "boot.log").open("w"),
    ) as parent:

        def first() -> str:
            listed = subprocess.run(
                ["ps", "-o", "pid=", "--ppid", str(parent.pid)], capture_output=True, text=True, check=False
            )
            return listed.stdout.strip()

        try:
            wait_until(first, seconds=10, what="the first process of the namespaces")
            machine = Machine(int(first()), folder / "share")
            wait_until(
                lambda: (
                    machine.run("systemctl", "is-system-running").stdout.strip() in ("running", "degraded")
                ),
                seconds=60,
                what="systemd",
            )
            yield machine
        finally:
            # The first process of its namespace: all others go with it.
            if pid := first():
                os.kill(int(pid), signal.SIGKILL)
            parent.wait(10)
