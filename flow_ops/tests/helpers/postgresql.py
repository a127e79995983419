"""A PostgreSQL of the tests' own, from Debian's packages: on loopback, in its own folder, not as root."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from helpers.support import free_port, process, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

# Where Debian puts the server's programs, a folder for each version.
DEBIAN = Path("/usr/lib/postgresql")


def missing() -> str:
    """Return why PostgreSQL cannot run here, or an empty text."""
    if not _programs():
        return f"PostgreSQL's server is not installed (Debian: postgresql; looked in PATH and {DEBIAN})"
    if _is_root() and not shutil.which("setpriv"):
        return "PostgreSQL refuses to run as root, and setpriv is not installed"
    return ""


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """Run a server with an empty database; yield the address of the database as Prefect's server takes it."""
    # Not below pytest's folders: those are closed to every user but the one who runs the tests.
    folder = Path(tempfile.mkdtemp(prefix="flow-template-postgresql-"))
    programs, port = _programs() or DEBIAN, free_port()
    try:
        if _is_root():
            shutil.chown(folder, "nobody", "nogroup")
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8"}
        made = ["initdb", "--pgdata", str(folder / "data"), "--username=prefect", "--auth=trust"]
        subprocess.run(
            _as_nobody([str(programs / made[0]), *made[1:], "--encoding=UTF8", "--no-sync"]),
            check=True,
            capture_output=True,
            cwd=folder,
            env=environment,
        )
        # No socket in the file system, and no fsync: the data is gone after the tests.
        options = ["-D", str(folder / "data"), "-h", "127.0.0.1", "-p", str(port), "-k", "", "-F"]
        command = _as_nobody([str(programs / "postgres"), *options])
        log = folder / "postgresql.log"
        with process(command, log=log, environment=environment, cwd=folder) as server:

            def answers() -> bool:
                if server.poll() is not None:
                    raise RuntimeError("PostgreSQL ended: " + log.read_text(encoding="utf-8")[-2000:])
                with socket.socket() as probe:
                    return probe.connect_ex(("127.0.0.1", port)) == 0

            wait_until(answers, seconds=60, what="PostgreSQL")
            yield f"postgresql+asyncpg://prefect@127.0.0.1:{port}/postgres"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path | None:
    """Return the folder of PostgreSQL's own programs, of the newest version."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    versions = sorted(DEBIAN.glob("*/bin/initdb"), key=lambda file: int(file.parts[-3].partition(".")[0]))
    return versions[-1].parent if versions else None


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _as_nobody(command: list[str]) -> list[str]:
    if not _is_root():
        return command
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *command]
