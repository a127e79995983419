"""A PostgreSQL server of one's own, from the system's package: a new folder, loopback, no password, gone afterwards."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support import free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE_USER = "postgres"


def binaries() -> Path | None:
    """Return the folder of `initdb` and `postgres`, of the newest version that Debian's package installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    return found[-1] if found else None


@contextlib.contextmanager
def postgres(binaries: Path) -> Iterator[str]:
    """Run a server and yield the address of its database, as Prefect's server takes it."""
    # PostgreSQL refuses to run as root; the package brings a user.
    who: dict[str, Any] = {"user": PACKAGE_USER} if os.getuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    if who:
        shutil.chown(folder, PACKAGE_USER)
    port = free_port()
    try:
        initdb: list[str | Path] = [
            binaries / "initdb",
            "-D",
            folder / "data",
            "-U",
            "bench",
            "--auth=trust",
            "-E",
            "UTF8",
        ]
        subprocess.run([*initdb, "--locale=C"], check=True, stdout=subprocess.DEVNULL, cwd=folder, **who)
        settings: list[str | Path] = [
            "-h",
            "127.0.0.1",
            "-p",
            str(port),
            "-k",
            folder,
            "-c",
            "max_connections=200",
        ]
        with (folder / "log").open("wb") as log:
            child = subprocess.Popen(
                [binaries / "postgres", "-D", folder / "data", *settings],
                stdout=log,
                stderr=log,
                cwd=folder,
                start_new_session=True,
                **who,
            )
        try:
            ready: list[str | Path] = [binaries / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
            wait_until(
                lambda: subprocess.run(ready, check=False).returncode == 0, seconds=30, what="PostgreSQL"
            )
            yield f"postgresql+asyncpg://bench@127.0.0.1:{port}/postgres"
        finally:
            child.send_signal(signal.SIGINT)  # its fast shutdown
            child.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
